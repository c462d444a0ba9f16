// Runs that the browser keeps: go on with one, lay their curves over this one's, remove them; the net as a file.

import { useEffect, useRef, useState } from "preact/hooks";
import { type DamagedRun, type ListedRun, listFiles } from "../runs/kept-runs.ts";
import { saveFile } from "./files.ts";
import { count, short } from "./format.ts";
import { runColors } from "./paint.ts";
import { removeRuns } from "./remove-runs.ts";
import { DamagedRow, RunRow } from "./run-rows.tsx";
import { SureButton } from "./sure-button.tsx";
import { useStore } from "./use-store.ts";

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
  const [files, setFiles] = useState<readonly (ListedRun | DamagedRun)[]>([]);
  const runs = files.filter((run) => run.setup !== undefined);
  const [problem, setProblem] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const loader = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    listFiles().then(setFiles, (error: Error) =>
      setProblem(`No runs are kept: ${error.message.replace(/\.$/, "")}.`),
    );
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
  const remove = async (removed: readonly (ListedRun | DamagedRun)[]) => {
    // What has the focus goes: a button that stays gets it.
    const gone = new Set([...removed.map(({ name }) => name), state.run]);
    const after = files.slice(files.indexOf(removed[0]) + 1).find(({ name }) => !gone.has(name));
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
        <span class="hint">
          safetensors: structure, weights and what the optimizer remembers. A program reads it by{" "}
          <a href="docs/saving.html">loadModel</a>.
        </span>
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
      {problem === "" && files.length === 0 && (
        <p class="hint">Runs are kept here while they train, and go on after the page was closed.</p>
      )}
      {files.length > 0 && (
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
              {files.map((run) =>
                run.setup === undefined ? (
                  <DamagedRow key={run.name} run={run} onRemove={() => void remove([run])} />
                ) : (
                  <RunRow
                    key={run.name}
                    run={run}
                    isHere={run.name === state.run}
                    color={compared.get(run.name)}
                    isFull={compared.size >= runColors}
                    onCompare={(isOn) => toggle(run.name, isOn)}
                    onGoOn={() => void store.goOn(run)}
                    onRemove={() => void remove([run])}
                  />
                ),
              )}
            </tbody>
          </table>
        </div>
      )}
      {files.length > 0 && (
        <p class="hint">
          {count(files.length)} {files.length === 1 ? "run" : "runs"},{" "}
          {short(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6)} MB; {runColors} at a time can be
          compared.{" "}
          {files.length > manyRuns && (
            <SureButton
              text={`Remove all but the latest ${manyRuns}`}
              question={`Remove ${files.length - manyRuns} runs for good?`}
              onSure={() => void remove(files.slice(manyRuns).filter(({ name }) => name !== state.run))}
            />
          )}
        </p>
      )}
      {files.length > 0 && <Lasting />}
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
