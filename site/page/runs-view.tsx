// Runs that the browser keeps: go on with one, lay their curves over this one's, remove them; the net as a file.

import { useEffect, useRef, useState } from "preact/hooks";
import { type ListedRun, listRuns, removeRun } from "../runs/kept-runs.ts";
import { dataSpecs } from "../setup/setup.ts";
import { metricOf, optimizerLabels } from "../setup/training.ts";
import { RunStroke, runLabel } from "./curves.tsx";
import { saveFile } from "./files.ts";
import { count, percent, short } from "./format.ts";
import { useStore } from "./use-store.ts";

const keptAt = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The latest are kept. */
const mostRuns = 20;
const mostBytes = 500e6;

interface RunsViewProps {
  readonly compared: ReadonlySet<string>;
  onCompare(names: ReadonlySet<string>, runs: readonly ListedRun[]): void;
}

export function RunsView({ compared, onCompare }: RunsViewProps) {
  const { store, state } = useStore("setup", "run", "runsVersion", "isBuilt");
  const [runs, setRuns] = useState<readonly ListedRun[]>([]);
  const [problem, setProblem] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  useEffect(() => {
    listRuns().then(
      async (found) => {
        for (const { name } of found.slice(mostRuns)) await removeRun(name);
        setRuns(found.slice(0, mostRuns));
      },
      (error: Error) => setProblem(`No runs are kept: ${error.message}.`),
    );
  }, [state.runsVersion]);
  const toggle = (name: string, isOn: boolean) => {
    const next = new Set(compared);
    if (isOn) next.add(name);
    else next.delete(name);
    onCompare(next, runs);
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
        <button type="button" class="button small" onClick={() => chooser.current?.click()}>
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
                const color = [...compared].indexOf(run.name);
                return (
                  <tr key={run.name} class={run.name === state.run ? "current" : undefined}>
                    <td>
                      {run.name === state.run ? (
                        <span class="hint">this run</span>
                      ) : (
                        <span class="compare">
                          <input
                            type="checkbox"
                            aria-label={`Compare ${label}`}
                            checked={color >= 0}
                            onChange={({ currentTarget }) => toggle(run.name, currentTarget.checked)}
                          />
                          {color >= 0 && <RunStroke color={color} />}
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
                      {run.name !== state.run && (
                        <button
                          type="button"
                          class="link"
                          aria-label={`Go on with ${label}`}
                          onClick={() => void store.goOn(run)}
                        >
                          Go on
                        </button>
                      )}
                      <button
                        type="button"
                        class="link"
                        aria-label={`Remove ${label}`}
                        onClick={async () => {
                          await removeRun(run.name);
                          setRuns(runs.filter(({ name }) => name !== run.name));
                          toggle(run.name, false);
                        }}
                      >
                        Remove
                      </button>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {runs.length === mostRuns && <p class="hint">The latest {mostRuns} runs are kept.</p>}
    </div>
  );
}

/** Whether the run's metric is shown in percent. */
const isShare = ({ setup, task }: ListedRun): boolean => metricOf(setup.metric, task).isShare;
