// Runs that the browser keeps: go on with one, lay their curves over this one's, remove them; the net as a file.

import { useEffect, useRef, useState } from "preact/hooks";
import { type ListedRun, listRuns } from "../runs/kept-runs.ts";
import { dataSpecs } from "../setup/setup.ts";
import { metricOf, optimizerLabels } from "../setup/training.ts";
import { RunStroke, runLabel } from "./curves.tsx";
import { saveFile } from "./files.ts";
import { count, percent, short } from "./format.ts";
import { runColors } from "./paint.ts";
import { removeRuns } from "./remove-runs.ts";
import { SureButton } from "./sure-button.tsx";
import { useStore } from "./use-store.ts";

const keptAt = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** More than these are offered to be removed at once. */
const manyRuns = 20;
const mostBytes = 500e6;

/** The colours of compared runs, by their names: each keeps its own while others come and go. */
export type Compared = ReadonlyMap<string, number>;

interface RunsViewProps {
  readonly compared: Compared;
  onCompare(compared: Compared, runs: readonly ListedRun[]): void;
}

export function RunsView({ compared, onCompare }: RunsViewProps) {
  const { store, state } = useStore("setup", "run", "runsVersion", "isBuilt");
  const [runs, setRuns] = useState<readonly ListedRun[]>([]);
  const [problem, setProblem] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const loader = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    listRuns().then(setRuns, (error: Error) => setProblem(`No runs are kept: ${error.message}.`));
  }, [state.runsVersion]);
  const toggle = (name: string, isOn: boolean) => {
    const next = new Map(compared);
    next.delete(name);
    const used = [...next.values()];
    const free = Array.from({ length: runColors }, (_, color) => color).find(
      (color) => !used.includes(color),
    );
    if (isOn && free !== undefined) next.set(name, free);
    onCompare(next, runs);
  };
  const remove = async (removed: readonly ListedRun[]) => {
    // What has the focus goes: another button gets it.
    const after = runs.slice(runs.indexOf(removed[0]) + 1).find(({ name }) => name !== state.run);
    await removeRuns(store, removed);
    (document.getElementById(`remove-${after?.name}`) ?? loader.current)?.focus();
    const left = new Map(compared);
    for (const { name } of removed) left.delete(name);
    if (left.size < compared.size) onCompare(left, runs);
  };
  const load = async (file: File) => {
    if (file.size > mostBytes) {
      store.tell(
        "load",
        `${file.name} has ${Math.round(file.size / 1e6)} MB; the page takes nets of up to 500.`,
      );
      return;
    }
    store.dismiss("load");
    store.load(new Uint8Array(await file.arrayBuffer()), file.name);
  };
  return (
    <div class="runs">
      <p class="row">
        <button
          type="button"
          class="button small"
          disabled={!state.isBuilt}
          onClick={async () => {
            const bytes = await store.save();
            if (bytes !== undefined)
              saveFile(`${state.setup.data}.safetensors`, bytes, "application/octet-stream");
          }}
        >
          Save the net as a file
        </button>
        <button ref={loader} type="button" class="button small" onClick={() => chooser.current?.click()}>
          Load a net
        </button>
        <span class="hint">safetensors: structure, weights and what the optimizer remembers</span>
        <input
          ref={chooser}
          type="file"
          accept=".safetensors"
          class="hidden"
          aria-label="safetensors file"
          tabIndex={-1}
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            if (file !== undefined) void load(file);
            currentTarget.value = "";
          }}
        />
      </p>
      {problem !== "" && <p class="hint">{problem}</p>}
      {problem === "" && runs.length === 0 && (
        <p class="hint">Runs are kept here while they train, and go on after the page was closed.</p>
      )}
      {runs.length > 0 && (
        <div class="table-area">
          <table>
            <caption class="visually-hidden">Kept runs</caption>
            <thead>
              <tr>
                <th scope="col">Compare</th>
                <th scope="col">Data</th>
                <th scope="col">Net</th>
                <th scope="col">Optimizer</th>
                <th scope="col">Epochs</th>
                <th scope="col">Validation</th>
                <th scope="col">Kept</th>
                <th scope="col">
                  <span class="visually-hidden">Do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => {
                const last = run.history.at(-1);
                const label = runLabel(run);
                const color = compared.get(run.name);
                const isHere = run.name === state.run;
                return (
                  <tr key={run.name} class={isHere ? "current" : undefined}>
                    <td>
                      {isHere ? (
                        <span class="hint">this run</span>
                      ) : (
                        <span class="compare">
                          <input
                            type="checkbox"
                            aria-label={`Compare ${label}`}
                            checked={color !== undefined}
                            disabled={color === undefined && compared.size >= runColors}
                            onChange={({ currentTarget }) => toggle(run.name, currentTarget.checked)}
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
                      {optimizerLabels[run.setup.optimizer]}, {short(run.setup.learningRate)}
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
                        aria-label={isHere ? `${label} is in training` : `Go on with ${label}`}
                        onClick={() => isHere || void store.goOn(run)}
                      >
                        {isHere ? "In training" : "Go on"}
                      </button>{" "}
                      {!isHere && (
                        <SureButton
                          id={`remove-${run.name}`}
                          text="Remove"
                          label={`Remove ${label}`}
                          question="Remove for good?"
                          onSure={() => void remove([run])}
                        />
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {runs.length > 0 && (
        <p class="hint">
          {count(runs.length)} {runs.length === 1 ? "run" : "runs"},{" "}
          {short(runs.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6)} MB; {runColors} at a time can be
          compared.{" "}
          {runs.length > manyRuns && (
            <SureButton
              text={`Remove all but the latest ${manyRuns}`}
              question={`Remove ${runs.length - manyRuns} runs for good?`}
              onSure={() => void remove(runs.slice(manyRuns).filter(({ name }) => name !== state.run))}
            />
          )}
        </p>
      )}
      {runs.length > 0 && <Lasting />}
    </div>
  );
}

/** Whether the browser may drop the runs when it is short of room, and how to have it asked not to. */
function Lasting() {
  const [said, say] = useState<"lasts" | "may go" | "stays so">("lasts");
  useEffect(() => {
    navigator.storage?.persisted?.().then(
      (lasts) => say(lasts ? "lasts" : "may go"),
      () => {},
    );
  }, []);
  if (said === "lasts") return null;
  return (
    <p class="hint">
      The browser may remove them when the disk is full.{" "}
      {said === "stays so" ? (
        "It was asked to keep them, and does not promise it: save what you need as a file."
      ) : (
        <button
          type="button"
          class="link"
          onClick={async () => say((await navigator.storage.persist()) ? "lasts" : "stays so")}
        >
          Ask it to keep them
        </button>
      )}
    </p>
  );
}

/** Whether the run's metric is shown in percent. */
const isShare = ({ setup, task }: ListedRun): boolean => metricOf(setup.metric, task).isShare;
