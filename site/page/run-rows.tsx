// The rows of the list of kept runs: one that goes on, and one that is damaged.

import type { DamagedRun, ListedRun } from "../runs/kept-runs.ts";
import { dataSpecs } from "../setup/setup.ts";
import { metricOf, optimizerLabels } from "../setup/training.ts";
import { RunStroke, runLabel } from "./curves.tsx";
import { count, percent, short } from "./format.ts";
import { SureButton } from "./sure-button.tsx";

const keptAt = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

interface RunRowProps {
  readonly run: ListedRun;
  /** Whether it is the one in training. */
  readonly isHere: boolean;
  /** That of its curves, which lie over this run's; undefined: they don't. */
  readonly color: number | undefined;
  /** Whether as many as there are colours are compared. */
  readonly isFull: boolean;
  onCompare(isOn: boolean): void;
  onGoOn(): void;
  onRemove(): void;
}

export function RunRow({ run, isHere, color, isFull, onCompare, onGoOn, onRemove }: RunRowProps) {
  const last = run.history.at(-1);
  const label = runLabel(run);
  return (
    <tr class={isHere ? "current" : undefined}>
      <td>
        {isHere ? (
          <span class="hint">this run</span>
        ) : (
          <span class="compare">
            <input
              type="checkbox"
              aria-label={`Compare ${label}`}
              checked={color !== undefined}
              disabled={color === undefined && isFull}
              onChange={({ currentTarget }) => onCompare(currentTarget.checked)}
            />
            {color !== undefined && <RunStroke color={color} />}
          </span>
        )}
      </td>
      <td>{dataSpecs[run.setup.data].label}</td>
      <td>
        {run.setup.layers
          .map(({ type, options }) =>
            `${type} ${options.units ?? options.filters ?? options.rate ?? ""}`.trim(),
          )
          .join(" · ") || "output only"}
      </td>
      <td>
        {optimizerLabels[run.setup.optimizer]}, {short(run.setup.learningRate)}, seed {run.setup.seed}
      </td>
      <td>{count(run.epoch)}</td>
      <td>
        {last === undefined
          ? "–"
          : last.valMetric !== undefined && isShare(run)
            ? percent(last.valMetric)
            : short(last.valLoss)}
      </td>
      <td>{keptAt.format(run.at)}</td>
      <td>
        <button
          type="button"
          class="link"
          aria-disabled={isHere}
          aria-label={isHere ? `Shown above: ${label}` : `Go on with ${label}`}
          onClick={() => isHere || onGoOn()}
        >
          {isHere ? "Shown above" : "Go on"}
        </button>{" "}
        {!isHere && (
          <SureButton
            id={`remove-${run.name}`}
            text="Remove"
            label={`Remove ${label}`}
            question="Remove for good?"
            onSure={onRemove}
          />
        )}
      </td>
    </tr>
  );
}

export function DamagedRow({ run, onRemove }: { run: DamagedRun; onRemove(): void }) {
  const at = keptAt.format(run.at);
  return (
    <tr>
      <td />
      <td colSpan={5}>This run is damaged: it can't be read, and can't go on.</td>
      <td>{at}</td>
      <td>
        <SureButton
          id={`remove-${run.name}`}
          text="Remove"
          label={`Remove the damaged run of ${at}`}
          question="Remove for good?"
          onSure={onRemove}
        />
      </td>
    </tr>
  );
}

/** Whether the run's metric is shown in percent. */
const isShare = ({ setup, task }: ListedRun): boolean => metricOf(setup.metric, task).isShare;
