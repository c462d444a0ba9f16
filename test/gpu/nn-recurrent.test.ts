// Recurrent layers in models: masks, states in and out, stateful ones, dropout, and what they refuse.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  jit,
  mean,
  mul,
  ShapeError,
  setDevice,
  slice,
  square,
  sub,
  Tape,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import {
  Bidirectional,
  Dense,
  Embedding,
  GRU,
  GRUCell,
  input,
  LSTM,
  LSTMCell,
  Masking,
  Model,
  modelFromConfig,
  RecurrentCell,
  RNN,
  Sequential,
  SimpleRNN,
  TimeDistributed,
} from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  setDevice(gpu);
});

const waves = (shape: readonly number[], shift = 0) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.3 + shift)),
    { shape: [...shape] },
  );
const numbers = async (x: Tensor) => [...(await x.data())];

describe("recurrent layers", () => {
  it("fit learns which of two letters came first, over masked sequences of unlike lengths", async () => {
    const rows: number[][] = [];
    const labels: number[] = [];
    for (let i = 0; i < 96; i++) {
      const length = 3 + (i % 5);
      const row = Array.from({ length: 8 }, (_, k) => (k < length ? 1 + ((i * 7 + k * 3) % 3) : 0));
      row[0] = 4 + (i % 2);
      rows.push(row);
      labels.push(i % 2);
    }
    const model = new Sequential([
      new Embedding(6, 8, { maskZero: true, inputShape: [null] }),
      new LSTM(16),
      new Dense(1, { activation: "sigmoid" }),
    ]);
    model.compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy"] });
    model.optimizer!.learningRate = 0.02;
    const history = await model.fit(rows, labels, { epochs: 20, batchSize: 32, verbose: 0 });
    expect(history.history.accuracy.at(-1)).toBeGreaterThan(0.95);
    const padded = rows.map((row) => [...row, 0, 0]);
    const [x, y] = [await numbers(model.call(tensor(rows))), await numbers(model.call(tensor(padded)))];
    x.forEach((value, i) => {
      expect(Math.abs(value - y[i])).toBeLessThan(1e-5);
    });
  });

  it("states come out, and go in: two halves give what the whole gives", async () => {
    for (const layer of [
      new LSTM(5, { returnSequences: true, returnState: true }),
      new GRU(5, { returnSequences: true, returnState: true }),
      new SimpleRNN(5, { returnSequences: true, returnState: true }),
    ]) {
      const x = waves([2, 6, 3]);
      const halves = [slice(x, [0, 0], [undefined, 3]), slice(x, [0, 3])];
      const [, ...whole] = layer.call(x) as Tensor[];
      const [, ...states] = layer.call(halves[0]) as Tensor[];
      const [, ...after] = layer.call([halves[1], ...states]) as Tensor[];
      for (const [k, state] of after.entries()) {
        const [got, want] = [await numbers(state), await numbers(whole[k])];
        got.forEach((value, i) => {
          expect(Math.abs(value - want[i])).toBeLessThan(1e-5);
        });
      }
    }
  });

  it("a stateful layer goes on from batch to batch, in jit too, until resetStates()", async () => {
    const layer = new LSTM(4, { stateful: true, batchSize: 2 });
    const x = waves([2, 3, 5]);
    const first = await numbers(layer.call(x));
    const second = await numbers(layer.call(x));
    expect(second).not.toEqual(first);
    layer.resetStates();
    const step = jit((x) => layer.call(x) as Tensor);
    const again = await numbers(step(x));
    const next = await numbers(step(x));
    again.forEach((value, i) => {
      expect(Math.abs(value - first[i])).toBeLessThan(1e-6);
      expect(Math.abs(next[i] - second[i])).toBeLessThan(1e-6);
    });
    expect(() => layer.call(waves([3, 3, 5]))).toThrow(/stateful for batches of 2 sequences, got 3/);
    expect(() => new LSTM(4, { stateful: true })).toThrow(/batchSize, which stateful needs/);
  });

  it.each([
    ["LSTM", (options: object) => new LSTM(4, options)],
    ["GRU", (options: object) => new GRU(4, options)],
    ["SimpleRNN", (options: object) => new SimpleRNN(4, options)],
  ] as const)("a stateful layer that is not trained copies no states: %s", (_, make) => {
    const x = waves([2, 3, 5]);
    const [stateful, plain] = [make({ stateful: true, batchSize: 2 }), make({})];
    const states = plain.cell.stateSizes.map((size) => waves([2, size]));
    const dispatches = (run: () => unknown) => {
      run();
      const before = gpu.counters().dispatches;
      run();
      return gpu.counters().dispatches - before;
    };
    expect(dispatches(() => stateful.call(x))).toBe(dispatches(() => plain.call([x, ...states])));
  });

  it.each([1, 2])(
    "a stateful layer of a cell that hands on a state as it is, %i steps a call",
    async (steps) => {
      /** What went in two steps before. */
      class Delay extends RecurrentCell {
        readonly stateSizes = [1, 1];
        constructor() {
          super("Delay", {}, {});
        }
        override outputSpec(inputs: Parameters<RecurrentCell["outputSpec"]>[0]) {
          return inputs;
        }
        protected forward([x, last, before]: readonly Tensor[]): readonly Tensor[] {
          return [before, x, last];
        }
      }
      const layer = new RNN(new Delay(), {
        stateful: true,
        batchSize: 1,
        returnSequences: true,
        returnState: true,
      });
      const results: Tensor[][] = [];
      for (let k = 1; k <= 4 * steps; k += steps) {
        const values = Array.from({ length: steps }, (_, i) => k + i);
        results.push(layer.call(tensor(values, { shape: [1, steps, 1] })) as Tensor[]);
      }
      // Read when the variables have had other values since.
      const read = async (place: number) =>
        (await Promise.all(results.map((all) => numbers(all[place])))).flat();
      expect(await read(0)).toEqual([0, 0, ...Array.from({ length: 4 * steps - 2 }, (_, i) => i + 1)]);
      expect(await read(1)).toEqual([1, 2, 3, 4].map((call) => call * steps));
      expect(await read(2)).toEqual([1, 2, 3, 4].map((call) => call * steps - 1));
    },
  );

  it.each([
    ["LSTM in one kernel", () => new LSTM(8, { stateful: true, batchSize: 2 })],
    ["GRU in one kernel", () => new GRU(8, { stateful: true, batchSize: 2 })],
    ["LSTM step by step", () => new LSTM(3, { stateful: true, batchSize: 2 })],
    ["GRU step by step", () => new GRU(3, { stateful: true, batchSize: 2 })],
    ["SimpleRNN", () => new SimpleRNN(3, { stateful: true, batchSize: 2 })],
  ] as const)("a stateful layer is trained by fit as one that is given its states: %s", async (_, make) => {
    const x = waves([6, 4, 3]);
    const y = waves([6, 1], 1);
    const rate = 0.1;
    const model = new Sequential([make(), new Dense(1)]);
    model.build([4, 3]);
    const [layer, dense] = model.layers as [LSTM, Dense];
    const stateless = modelFromConfig(
      JSON.parse(JSON.stringify({ type: model.type, config: model.config() })),
    );
    stateless.setWeights(await model.getWeights());
    const [other, otherDense] = (stateless as Sequential).layers as [LSTM, Dense];
    model.compile({ optimizer: new SGD({ learningRate: rate }), loss: "meanSquaredError" });
    await model.fit(x, y, { epochs: 1, batchSize: 2, shuffle: false, verbose: 0 });
    // The same by hand: states of one batch are constants of the next.
    let states = other.cell.stateSizes.map((size) =>
      tensor(new Float32Array(2 * size), { shape: [2, size] }),
    );
    const weights = [...other.trainableWeights, ...otherDense.trainableWeights];
    for (let k = 0; k < 6; k += 2) {
      const tape = new Tape();
      let after: readonly Tensor[] = [];
      const loss = tape.record(() => {
        const found = other.cell.sequence({
          x: slice(x, k, k + 2),
          states,
          mask: undefined,
          training: true,
          reverse: false,
        });
        after = found.states;
        return mean(square(sub(otherDense.call(found.last), slice(y, k, k + 2))));
      });
      const gradients = tape.gradient(loss, weights);
      weights.forEach((weight, i) => {
        weight.assign(sub(weight, mul(gradients[i] as Tensor, rate)));
      });
      states = [...after];
    }
    const got = [...layer.trainableWeights, ...dense.trainableWeights];
    for (const [k, weight] of weights.entries()) {
      const [have, want] = [await numbers(got[k]), await numbers(weight)];
      have.forEach((value, i) => {
        expect(Math.abs(value - want[i])).toBeLessThan(1e-5);
      });
    }
  });

  it("a cell of one's own, and built-in cells, by RNN", async () => {
    class Decay extends RecurrentCell {
      readonly stateSizes = [3];
      constructor() {
        super("Decay", {}, {});
      }
      protected forward([x, h]: readonly Tensor[]): readonly Tensor[] {
        const state = add(mul(h, 0.5), x);
        return [state, state];
      }
      override outputSpec(inputs: Parameters<RecurrentCell["outputSpec"]>[0]) {
        return [inputs[0], inputs[0]];
      }
    }
    const x = waves([2, 4, 3]);
    const values = await numbers(x);
    const got = await numbers(new RNN(new Decay()).call(x));
    for (let b = 0; b < 2; b++)
      for (let f = 0; f < 3; f++) {
        let h = 0;
        for (let t = 0; t < 4; t++) h = h / 2 + values[b * 12 + t * 3 + f];
        expect(got[b * 3 + f]).toBeCloseTo(h, 5);
      }
    const lstm = new LSTM(4, { returnSequences: true });
    const byCell = new RNN(new LSTMCell(4), { returnSequences: true });
    lstm.build([4, 3]);
    byCell.build([4, 3]);
    for (const [k, weight] of lstm.weights.entries()) byCell.weights[k].assign(weight);
    expect(await numbers(byCell.call(x))).toEqual(await numbers(lstm.call(x)));
    const [output, state] = new GRUCell(4).call([waves([2, 3]), waves([2, 4])]);
    expect(await numbers(output)).toEqual(await numbers(state));
    expect(() => new RNN(new Dense(3) as never)).toThrow(/takes a cell/);
  });

  it("dropout and recurrent dropout act in training alone, the same at all steps", async () => {
    const layer = new SimpleRNN(64, {
      activation: "linear",
      dropout: 0.5,
      useBias: false,
      returnSequences: true,
    });
    const x = tensor(new Float32Array(3 * 4 * 64).fill(1), { shape: [3, 4, 64] });
    const plain = await numbers(layer.call(x));
    expect(await numbers(layer.call(x))).toEqual(plain);
    const [a, b] = [
      await numbers(layer.call(x, { training: true })),
      await numbers(layer.call(x, { training: true })),
    ];
    expect(a).not.toEqual(plain);
    expect(b).not.toEqual(a);
    const gru = new GRU(8, { recurrentDropout: 0.5 });
    const y = waves([2, 5, 3]);
    expect(await numbers(gru.call(y, { training: true }))).not.toEqual(await numbers(gru.call(y)));
  });

  it("configs, clones, functional models with several outputs", async () => {
    const start = input([null, 3]);
    const [sequence, h, c] = new LSTM(4, { returnSequences: true, returnState: true }).call(start);
    const both = new Bidirectional(new GRU(3, { returnSequences: true })).call(sequence);
    const out = new TimeDistributed(new Dense(2)).call(both);
    const model = new Model(start, [out, h, c]);
    const x = waves([2, 5, 3]);
    const made = modelFromConfig(JSON.parse(JSON.stringify({ type: model.type, config: model.config() })));
    made.setWeights(await model.getWeights());
    const [want, got] = [model.call(x) as unknown as Tensor[], made.call(x) as unknown as Tensor[]];
    for (const [k, tensor] of want.entries()) expect(await numbers(got[k])).toEqual(await numbers(tensor));
    expect(want[0].shape).toEqual([2, 5, 2]);
    const paths = [...model.variables()].map(({ path }) => path);
    expect(paths).toContain("lstm/cell/recurrentKernel");
    expect(paths).toContain("bidirectional/backward/cell/bias");
  });

  it("refuses what does not fit", () => {
    expect(() => new LSTM(4).call(waves([2, 3]))).toThrow(/takes sequences, \[batch, time, features\]/);
    expect(() => new LSTM(0)).toThrow(/units/);
    expect(() => new LSTM(4, { dropout: 1.5 })).toThrow(/dropout/);
    const layer = new LSTM(4);
    layer.build([3, 5]);
    expect(() => layer.call([waves([2, 3, 5]), waves([2, 4])])).toThrow(ShapeError);
    expect(() => layer.call(waves([2, 0, 5]))).toThrow(/no rows/);
    expect(() => new Bidirectional(new Dense(3) as never)).toThrow(/takes a recurrent layer/);
    expect(() => new Bidirectional(new LSTM(3), { backwardLayer: new LSTM(3) })).toThrow(
      /one must go forwards and one backwards/,
    );
  });

  it("a mask of no step leaves zeros and no gradient", async () => {
    const layer = new Sequential([new Masking({ inputShape: [3, 2] }), new LSTM(4)]);
    expect(await numbers(layer.call(tensor(new Float32Array(12), { shape: [2, 3, 2] })) as Tensor)).toEqual(
      new Array(8).fill(0),
    );
  });
});
