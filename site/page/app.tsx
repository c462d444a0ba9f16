// The playground's page: data, net and training on one side, what comes of them on the other, and the looks inside below.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ListedRun } from "../runs/kept-runs.ts";
import { isOwn, isPointSet } from "../setup/setup.ts";
import type { DeviceNote } from "../worker/messages.ts";
import { BoundaryPanel } from "./boundary.tsx";
import { Controls } from "./controls.tsx";
import { CurvesPanel } from "./curves.tsx";
import { DataPanel } from "./data-panel.tsx";
import { DrawPanel } from "./draw-panel.tsx";
import { later } from "./later.tsx";
import { LayersView } from "./layers-view.tsx";
import { ModelPanel } from "./model-panel.tsx";
import type { Compared } from "./runs-view.tsx";
import type { Tab } from "./state.ts";
import { StepsView } from "./steps-view.tsx";
import type { Store } from "./store.ts";
import { TrainingPanel } from "./training-panel.tsx";
import { StoreContext, useStore } from "./use-store.ts";
import { useWidth, type Width } from "./use-width.ts";

const tabs: readonly (readonly [Tab, string])[] = [
  ["layers", "Layers"],
  ["steps", "Step by step"],
  ["code", "Code"],
  ["runs", "Runs and files"],
];

type Part = "data" | "model" | "training" | "results";

/** Keys go through the panels in the order in which they are seen; the stylesheet places them. */
const orders: Readonly<Record<Width, readonly Part[]>> = {
  wide: ["data", "model", "training", "results"],
  medium: ["data", "model", "results", "training"],
  narrow: ["results", "data", "model", "training"],
};

// No first view has them.
const CodeView = later(() => import("./code-view.tsx").then((part) => part.CodeView));
const TryPanel = later(() => import("./try-panel.tsx").then((part) => part.TryPanel));
const RunsView = later(() => import("./runs-view.tsx").then((part) => part.RunsView));

export function App({ store }: { store: Store }) {
  return (
    <StoreContext.Provider value={store}>
      <Playground />
    </StoreContext.Provider>
  );
}

function Playground() {
  const { store, state } = useStore("device", "setup", "own", "tab", "run");
  const [compared, setCompared] = useState<Compared>(new Map());
  const [runs, setRuns] = useState<readonly ListedRun[]>([]);
  // One that goes on is not another run any more.
  useEffect(() => {
    if (compared.has(state.run)) setCompared(new Map([...compared].filter(([name]) => name !== state.run)));
  }, [compared, state.run]);
  const others = useMemo(
    () =>
      [...compared].flatMap(([name, color]) => {
        const run = runs.find((one) => one.name === name);
        return run === undefined ? [] : [{ run, color }];
      }),
    [runs, compared],
  );
  const width = useWidth();
  const parts: Readonly<Record<Part, ComponentChildren>> = {
    data: (
      <div key="data" class="column column-data">
        <DataPanel />
      </div>
    ),
    model: (
      <div key="model" class="column column-model">
        <ModelPanel />
      </div>
    ),
    training: (
      <div key="training" class="column column-training">
        <TrainingPanel />
      </div>
    ),
    results: (
      <div key="results" class="column column-results">
        {isPointSet(state.setup.data) ? <BoundaryPanel /> : null}
        {state.setup.data === "mnist" || state.setup.data === "fashion" ? <DrawPanel /> : null}
        {isOwn(state.setup.data) && state.own !== undefined ? (
          <div class="column try-place">
            <TryPanel own={state.own} />
          </div>
        ) : null}
        <CurvesPanel others={others} />
      </div>
    ),
  };
  return (
    <div class="playground">
      <div class="bar">
        <Controls />
        <Device device={state.device} />
      </div>
      <Problems />
      <LessonText />
      <div class="columns">{orders[width].map((part) => parts[part])}</div>
      <section class="panel panel-inside" aria-label="Inside">
        <div
          class="tabs"
          role="tablist"
          aria-label="Inside"
          onKeyDown={(event) => arrows(event, store, state.tab)}
        >
          {tabs.map(([tab, label]) => (
            <button
              key={tab}
              type="button"
              role="tab"
              id={`tab-${tab}`}
              aria-selected={state.tab === tab}
              aria-controls="inside"
              tabIndex={state.tab === tab ? 0 : -1}
              onClick={() => store.show(tab)}
            >
              {label}
            </button>
          ))}
        </div>
        <div id="inside" role="tabpanel" aria-labelledby={`tab-${state.tab}`}>
          {state.tab === "layers" && <LayersView />}
          {state.tab === "steps" && <StepsView />}
          {state.tab === "code" && <CodeView />}
          {state.tab === "runs" && (
            <RunsView
              compared={compared}
              onCompare={(next, found) => {
                setCompared(next);
                setRuns(found);
              }}
            />
          )}
        </div>
      </section>
    </div>
  );
}

function arrows(event: KeyboardEvent, store: Store, current: Tab): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step === undefined) return;
  const at = tabs.findIndex(([tab]) => tab === current);
  const [next] = tabs[(at + step + tabs.length) % tabs.length];
  store.show(next);
  document.getElementById(`tab-${next}`)?.focus();
  event.preventDefault();
}

function Device({ device }: { device: DeviceNote | undefined }) {
  if (device === undefined) return <p class="device">Opening the device…</p>;
  if (device.kind === "webgpu")
    return (
      <p class="device" title={device.adapter}>
        <span class="lamp lamp-gpu" aria-hidden="true" />
        WebGPU: {device.adapter || "graphics adapter"}
        {device.isSoftware ? " (software)" : ""}
      </p>
    );
  return (
    <p class="device">
      <span class="lamp" aria-hidden="true" />
      CPU reference, exact and slow{device.reason === "" ? "" : `: ${device.reason}`}
    </p>
  );
}

function LessonText() {
  const { store, state } = useStore("lesson");
  const { lesson } = state;
  if (lesson === undefined) return null;
  const { title, korean, look, change, see, page } = lesson;
  return (
    <section class="panel lesson-text" aria-labelledby="lesson-title">
      <div class="panel-head">
        <h2 id="lesson-title">
          {title} <span lang="ko">{korean}</span>
        </h2>
        <button type="button" class="link" onClick={() => store.endLesson()}>
          Close
        </button>
      </div>
      <dl>
        <dt>Look</dt>
        <dd>{look}</dd>
        <dt>Change</dt>
        <dd>{change}</dd>
        <dt>See</dt>
        <dd>{see}</dd>
      </dl>
      <p class="hint">
        <a href={`docs/lessons/${page}.html`}>What was measured over seeds</a>
      </p>
    </section>
  );
}

function Problems() {
  const { store, state } = useStore("problems", "notice");
  // What is wrong with the net stands beside its layers.
  const shown = state.problems.filter(({ about }) => about !== "setup" && about !== "walk");
  return (
    <div class="problems" aria-live="polite">
      {shown.map(({ about, text }) => (
        <p class="problem" key={about}>
          <span>{text}</span>
          <button type="button" class="link" onClick={() => store.dismiss(about)}>
            Close
          </button>
        </p>
      ))}
      {state.notice !== "" && (
        <p class="notice">
          <span>{state.notice}</span>
          <button type="button" class="link" onClick={() => store.set({ notice: "" })}>
            Close
          </button>
        </p>
      )}
    </div>
  );
}
