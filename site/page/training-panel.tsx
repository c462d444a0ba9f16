// How the net is trained: optimizer, rate, loss, batches.

import { boundsOf } from "../setup/setup.ts";
import {
  batchSizes,
  lossesOf,
  lossLabels,
  type MetricName,
  metricOf,
  metrics,
  metricsFor,
  metricsOf,
  type OptimizerName,
  optimizerLabels,
  optimizerOf,
  optimizers,
  scheduleLabels,
  scheduleSpans,
  schedules,
} from "../setup/training.ts";
import { ChoiceField, NumberField, Panel } from "./fields.tsx";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

export function TrainingPanel() {
  const { store, state } = useStore("setup", "own");
  const { setup } = state;
  const data = specOfState(state);
  const { task } = data;
  const [lowest, highest] = boundsOf("learningRate");
  const [fewest, most] = boundsOf("decayEpochs");
  const [least, largest] = boundsOf("clip");
  return (
    <Panel title="Training">
      <div class="fields">
        <ChoiceField
          label="Optimizer"
          value={setup.optimizer}
          choices={(Object.keys(optimizers) as OptimizerName[]).map((name) => [name, optimizerLabels[name]])}
          onChange={(optimizer) =>
            store.change({ optimizer, learningRate: optimizerOf(optimizer).learningRate })
          }
        />
        <NumberField
          label="Learning rate"
          value={setup.learningRate}
          min={lowest}
          max={highest}
          onChange={(learningRate) => store.change({ learningRate })}
        />
        <ChoiceField
          label="Schedule"
          value={setup.schedule}
          choices={schedules.map((name) => [name, scheduleLabels[name]])}
          onChange={(schedule) => store.change({ schedule })}
        />
        {setup.schedule !== "constant" && (
          <NumberField
            label={scheduleSpans[setup.schedule]}
            value={setup.decayEpochs}
            min={fewest}
            max={most}
            isWhole
            onChange={(decayEpochs) => store.change({ decayEpochs })}
          />
        )}
        <ChoiceField
          label="Loss"
          value={setup.loss}
          choices={lossesOf(task).map((name) => [name, lossLabels[name]])}
          onChange={(loss) => store.change({ loss })}
        />
        <ChoiceField
          label="Metric"
          value={metricsOf(task).find((name) => metrics[name] === metricOf(setup.metric, task)) as MetricName}
          choices={metricsOf(task)
            .filter((name) => name === setup.metric || metricsFor(data).includes(name))
            .map((name) => [name, metrics[name].label])}
          onChange={(metric) => store.change({ metric })}
        />
        <ChoiceField
          label="Batch size"
          value={String(setup.batchSize)}
          choices={batchSizes.map((size) => [String(size), String(size)])}
          onChange={(size) => store.change({ batchSize: Number(size) })}
        />
        <NumberField
          label="Gradient limit"
          value={setup.clip}
          min={least}
          max={largest}
          onChange={(clip) => store.change({ clip })}
        />
      </div>
      <p class="hint">A gradient limit of 0 lets gradients be as large as they come.</p>
    </Panel>
  );
}
