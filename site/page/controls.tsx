// The bar above the playground: start, pause, a step, an epoch, anew; and where training stands.

import { metricOf } from "../setup/training.ts";
import { count, percent, short } from "./format.ts";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

export function Controls() {
  const { store, state } = useStore("isRunning", "isBuilt");
  const { isRunning, isBuilt } = state;
  return (
    <div class="controls" role="toolbar" aria-label="Training">
      <TrainButton />
      <button
        type="button"
        class="button"
        disabled={!isBuilt || isRunning}
        onClick={() => store.oneStep()}
        title="One step on the next batch"
      >
        <Icon name="step" />
        Step
      </button>
      <button
        type="button"
        class="button"
        disabled={!isBuilt || isRunning}
        onClick={() => store.oneEpoch()}
        title="All training samples once"
      >
        <Icon name="epoch" />
        Epoch
      </button>
      <button
        type="button"
        class="button"
        onClick={() => store.reset()}
        title="New weights, from the same seed"
      >
        <Icon name="anew" />
        Reset
      </button>
      <Numbers />
      <Standing />
    </div>
  );
}

/** Where training stands when it has stopped, for those who hear the page. */
function Standing() {
  const { state } = useStore("epoch", "step", "history", "isRunning", "setup", "own");
  const { epoch, step, history, isRunning } = state;
  const last = history.at(-1);
  const { label, isShare } = metricOf(state.setup.metric, specOfState(state).task);
  const metric = last?.valMetric;
  return (
    <p class="visually-hidden" role="status">
      {isRunning || step === 0
        ? ""
        : `Epoch ${count(epoch)}, step ${count(step)}${last === undefined ? "" : `: loss ${short(last.loss)}, validation ${short(last.valLoss)}`}${metric === undefined ? "" : `, ${label} ${isShare ? percent(metric) : short(metric)}`}.`}
    </p>
  );
}

/** Starts and pauses. */
export function TrainButton() {
  const { store, state } = useStore("isRunning", "isBuilt");
  const { isRunning, isBuilt } = state;
  return (
    <button
      type="button"
      class="button primary"
      disabled={!isBuilt && !isRunning}
      onClick={() => store.toggle()}
    >
      <Icon name={isRunning ? "pause" : "play"} />
      {isRunning ? "Pause" : "Train"}
    </button>
  );
}

function Numbers() {
  const { state } = useStore("epoch", "step", "history", "stepsPerSecond", "isRunning", "setup", "own");
  const { epoch, step, history, stepsPerSecond, isRunning } = state;
  const last = history.at(-1);
  const cells: [string, string][] = [
    ["Epoch", count(epoch)],
    ["Steps", count(step)],
    ["Loss", last === undefined ? "–" : short(last.loss)],
    ["Validation", last === undefined ? "–" : short(last.valLoss)],
  ];
  const { label, isShare } = metricOf(state.setup.metric, specOfState(state).task);
  const metric = last?.valMetric;
  cells.push([label, metric === undefined ? "–" : isShare ? percent(metric) : short(metric)]);
  cells.push(["Steps a second", isRunning && stepsPerSecond > 0 ? count(Math.round(stepsPerSecond)) : "–"]);
  return (
    <dl class="numbers">
      {cells.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-number={name}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const paths = {
  play: "M5 3.5v13l11-6.5z",
  pause: "M5 3.5h3.5v13H5zM11.5 3.5H15v13h-3.5z",
  step: "M4 3.5v13l8.5-6.5zM13.5 3.5H16v13h-2.5z",
  epoch: "M3 3.5v13L9.5 10zM9.5 3.5v13L16 10zM16 3.5h1.5v13H16z",
  anew: "M10 4V1L5.5 4.7 10 8.5V6a4.5 4.5 0 1 1-4.4 5.5h-2A6.5 6.5 0 1 0 10 4z",
  up: "M10 5l6 7H4z",
  down: "M10 15l6-7H4z",
  remove: "M5.4 4 10 8.6 14.6 4 16 5.4 11.4 10l4.6 4.6-1.4 1.4-4.6-4.6L5.4 16 4 14.6 8.6 10 4 5.4z",
} as const;

export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
