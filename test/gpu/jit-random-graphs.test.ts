// Random graphs, forward and backward, with assignments at their ends: the CPU reference, eager and jit agree.

import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Shape, sizeOf } from "../../engine/base/shape.ts";
import {
  add,
  batchNorm,
  cast,
  clip,
  concat,
  type Device,
  device as defaultDevice,
  dropout,
  full,
  gather,
  greater,
  type JitOptions,
  type Jitted,
  jit,
  less,
  logicalAnd,
  matmul,
  max,
  mean,
  mul,
  neg,
  noGrad,
  relu,
  reshape,
  setDevice,
  sigmoid,
  slice,
  softmax,
  square,
  sub,
  sum,
  Tape,
  type Tensor,
  tanh,
  tensor,
  tidy,
  transpose,
  type Variable,
  variable,
  where,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";
import { isDue } from "../support/sampled.ts";

// Every pass is on, then each is switched off; programs run first and are replayed on other inputs. Draws are fixed; a
// failure prints the graph.

/**
 * Compiling its kernels is what a graph costs. To look for new failures: GRADGPU_JIT_GRAPHS=500 GRADGPU_JIT_SEED=7;
 * GRADGPU_JIT_GRAPH=12 (or a failure's JSON) runs one, GRADGPU_JIT_EXPLAIN=1 prints its plans when it fails.
 */
const graphs = Number(process.env.GRADGPU_JIT_GRAPHS ?? 8);
const seed = Number(process.env.GRADGPU_JIT_SEED ?? 4);
/** Relative to 1 + |value|: a graph is up to ten ops deep, and normalization divides by small variances. */
const tolerance = 1e-4;

let gpu: Device;
let cpu: Device;
let before: Device;

beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
  before = defaultDevice();
});
afterAll(() => setDevice(before));

/** Shapes of a graph's inputs: widths that are whole vec4s and widths that are not, and what broadcasts to them. */
const families: readonly (readonly Shape[])[] = [
  [[7, 12], [7, 12], [12], [7, 1], []],
  [[5, 8], [5, 8], [8], [5, 1], []],
  [[6, 10], [6, 10], [10], [1, 10], [6, 1]],
  [[9, 64], [9, 64], [64], [9, 1], []],
  [[2, 3, 8], [3, 8], [8], [2, 3, 1], [3, 1]],
  [[4, 5], [5, 4], [5], [4], [4, 1]],
  [[1, 16], [16, 1], [16], [1], [1, 1]],
];

/** Which op, on which of the values so far, with which choice among its variants. */
interface Step {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly choice: number;
}

interface Graph {
  readonly family: number;
  readonly steps: readonly Step[];
  /** What becomes of the two variables at the end. */
  readonly ending: number;
  /** Which values are returned besides the loss. */
  readonly returned: number;
  readonly passOff: number;
}

const passes = [
  "fold",
  "dedupe",
  "pickFirst",
  "rowSlices",
  "pointwise",
  "epilogues",
  "prologues",
  "beside",
  "companions",
] as const;

/** Sees what the interpreter does, to print a graph. */
type Log = (line: string) => void;

const show = (x: Tensor) => `[${x.shape}]`;

function canBroadcast(a: Shape, b: Shape): boolean {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [x, y] = [a[a.length - i], b[b.length - i]];
    if (x !== y && x !== 1 && y !== 1) return false;
  }
  return true;
}

/** The values that the steps make, after the inputs. Every list of steps is a graph: choices wrap around. */
function build(graph: Graph, inputs: readonly Tensor[], state: Tensor, log: Log = () => {}): Tensor[] {
  const values: Tensor[] = [...inputs];
  const pick = (n: number, fits: (x: Tensor) => boolean): { x: Tensor; name: string } | undefined => {
    // The newest first, so that graphs become deep.
    const found = values.map((x, i) => ({ x, name: `v${i}` })).filter(({ x }) => fits(x));
    return found.length === 0 ? undefined : found[found.length - 1 - (n % found.length)];
  };
  graph.steps.forEach(({ op, a, b, choice }, index) => {
    const any = pick(a, () => true)!;
    const partner = (): { x: Tensor; name: string } =>
      pick(b, (x) => canBroadcast(x.shape, any.x.shape) && x !== any.x) ?? any;
    const { x, name } = any;
    const { device } = x;
    const made = ((): [Tensor, string] => {
      switch (op % 22) {
        case 0:
        case 1: {
          const y = partner();
          return [add(x, y.x), `add ${name} ${y.name}`];
        }
        case 2: {
          const y = partner();
          return [mul(x, y.x), `mul ${name} ${y.name}`];
        }
        case 3: {
          const y = partner();
          return [sub(x, y.x), `sub ${name} ${y.name}`];
        }
        case 4:
          return [relu(add(x, 0.2109)), `relu(${name} + 0.2109)`];
        case 5:
          return [tanh(x), `tanh ${name}`];
        case 6:
          return [sigmoid(x), `sigmoid ${name}`];
        case 7: {
          // Thresholds that no exact result meets: a comparison must not turn on rounding.
          const y = partner();
          const mask = logicalAnd(greater(x, -0.41713), less(y.x, 0.73129));
          return [
            where(mask, y.x, mul(x, 0.5)),
            `where(${name} > .. && ${y.name} < .., ${y.name}, ${name} / 2)`,
          ];
        }
        case 8: {
          const whole = cast(add(mul(clip(x, -3, 3), 2.7), 0.137), "i32");
          return [mul(cast(add(whole, 1), "f32"), add(x, 0.25)), `cast(${name} to i32) * (${name} + 0.25)`];
        }
        case 9:
          return [neg(x), `neg ${name}`];
        case 10:
          return [clip(x, -0.6171, 0.8311), `clip ${name}`];
        case 11:
          return [square(clip(x, -2.113, 2.131)), `square clip ${name}`];
        case 12: {
          // Shapes of as many elements: flat, split, merged, with axes of 1.
          const flat = sizeOf(x.shape);
          const options: Shape[] = [[flat], [flat, 1], [1, flat]];
          if (flat % 2 === 0) options.push([flat / 2, 2], [2, flat / 2]);
          if (flat % 4 === 0) options.push([4, flat / 4], [flat / 4, 4]);
          const to = options[choice % options.length];
          return [reshape(x, to), `reshape ${name} [${to}]`];
        }
        case 13:
          return [transpose(x), `transpose ${name}`];
        case 14:
        case 15: {
          const y = pick(a, ({ rank }) => rank > 0) ?? any;
          const axis = y.x.rank === 0 ? undefined : choice % (y.x.rank + 1);
          const axes = axis === y.x.rank ? undefined : axis;
          const keepDims = b % 2 === 0;
          const kind = (choice >> 3) % 3;
          // Sums stay as small as means, but are another op.
          const total = () => mul(sum(y.x, axes, { keepDims }), 1 / Math.sqrt(Math.max(1, y.x.size)));
          const result = kind === 0 ? total() : (kind === 1 ? mean : max)(y.x, axes, { keepDims });
          return [
            result,
            `${["sum / sqrt n", "mean", "max"][kind]} ${y.name} axes ${axes} keepDims ${keepDims}`,
          ];
        }
        case 16:
        case 17: {
          const left = pick(a, ({ rank }) => rank === 2);
          if (left === undefined) return [tanh(x), `tanh ${name}`];
          const [rows, columns] = left.x.shape;
          const right = pick(b, (y) => y.rank === 2 && y.shape.some((n) => n === rows || n === columns))!;
          const flags = [0, 1, 2, 3]
            .map((bits) => ({ transposeA: (bits & 1) !== 0, transposeB: (bits & 2) !== 0 }))
            .filter(
              ({ transposeA, transposeB }) =>
                left.x.shape[transposeA ? 0 : 1] === right.x.shape[transposeB ? 1 : 0],
            );
          const options = flags[choice % flags.length];
          const inner = left.x.shape[options.transposeA ? 0 : 1];
          return [
            mul(matmul(left.x, right.x, options), 1 / Math.sqrt(inner)),
            `matmul ${left.name} ${right.name} ${JSON.stringify(options)} / sqrt ${inner}`,
          ];
        }
        case 18: {
          const y = pick(a, ({ rank }) => rank > 0) ?? any;
          return y.x.rank === 0 ? [tanh(x), `tanh ${name}`] : [softmax(y.x), `softmax ${y.name}`];
        }
        case 19: {
          const y = pick(a, (v) => v.rank >= 2 && v.shape[0] > 1);
          if (y === undefined) return [sigmoid(x), `sigmoid ${name}`];
          const width = [y.x.shape.at(-1)!];
          const gamma = pick(b, (v) => `${v.shape}` === `${width}`)?.x ?? full(width, 0.75, { device });
          const beta = full(width, 0.125, { device });
          return [batchNorm(y.x, gamma, beta, 0.05)[0], `batchNorm ${y.name}`];
        }
        case 20:
          return [dropout(x, 0.25, state), `dropout ${name}`];
        default: {
          const y = pick(a, ({ rank }) => rank > 0);
          if (y === undefined) return [neg(x), `neg ${name}`];
          const length = y.x.shape[0];
          switch (choice % 3) {
            case 0: {
              const at = Int32Array.from({ length: 1 + (b % 6) }, (_, i) => (i * 3 + b) % length);
              return [gather(y.x, tensor(at, { device })), `gather ${y.name} [${at}]`];
            }
            case 1: {
              const other = pick(
                b,
                (v) => v.rank === y.x.rank && `${v.shape.slice(1)}` === `${y.x.shape.slice(1)}`,
              )!;
              return [concat([y.x, other.x]), `concat ${y.name} ${other.name}`];
            }
            default: {
              const start = b % length;
              return [slice(y.x, start, length), `slice ${y.name} ${start}..${length}`];
            }
          }
        }
      }
    })();
    // Nothing grows without bound.
    const kept = made[0].size > 4096 ? x : made[0];
    values.push(kept);
    log(`v${inputs.length + index} ${show(kept)} = ${made[1]}`);
  });
  return values;
}

type Outcome = {
  readonly loss: Tensor;
  readonly grads: Tensor[];
  readonly values: Tensor[];
  readonly after: Tensor[];
};

/** The whole function under test: forward, gradients of all inputs, then assignments. */
function evaluate(
  graph: Graph,
  inputs: readonly Tensor[],
  state: Tensor,
  variables: readonly [Variable, Variable],
  log?: Log,
): Outcome {
  return tidy(() => {
    const tape = new Tape({ watchVariables: false });
    tape.watch(...inputs);
    let values: Tensor[] = [];
    const loss = tape.record(() => {
      values = build(graph, [...inputs, ...variables], state, log).slice(inputs.length + variables.length);
      // Weighted by place, so that nothing cancels.
      const parts = [...inputs, ...values].map((value, i) =>
        mul(mean(mul(value, add(value, 0.5 + i / 8))), 1 / (1 + (i % 3))),
      );
      return parts.reduce((total, part) => add(total, part));
    });
    const grads = tape.gradient(loss, [...inputs]);
    tape.dispose();
    const after = noGrad(() => end(graph, values, variables));
    return { loss, grads, values: values.filter((_, i) => (graph.returned >> i) & 1), after };
  });
}

/** Assignments to the variables, and reads of them before and after. */
function end(
  { ending }: Graph,
  values: readonly Tensor[],
  [first, second]: readonly [Variable, Variable],
): Tensor[] {
  const shape = `${first.shape}`;
  const fitting = values.filter((value) => `${value.shape}` === shape);
  const value = fitting.length === 0 ? mul(first, 0.75) : fitting[ending % fitting.length];
  switch (ending % 8) {
    case 0:
      first.assign(mul(add(first, value), 0.5));
      return [];
    case 1:
      first.assign(mul(add(first, value), 0.5));
      second.assign(first);
      return [sub(first, second)];
    case 2: {
      const old = add(first, 0);
      first.assign(value);
      return [old, mul(first, 2)];
    }
    case 3: {
      // Swapped by way of copies.
      const [a, b] = [add(first, 0), add(second, 0)];
      first.assign(b);
      second.assign(a);
      return [];
    }
    case 4:
      second.assign(first);
      first.assign(add(first, 0.5));
      return [mul(second, first)];
    case 5:
      first.assign(tanh(add(first, second)));
      second.assign(tanh(mul(first, second)));
      first.assign(sub(first, second));
      return [add(first, 0)];
    case 6:
      first.assign(value);
      second.assign(value);
      return [value];
    default:
      first.assign(transposeTwice(first));
      second.assign(add(second, mean(first)));
      return [sum(second)];
  }
}

/** The same values, read across the elements rather than in step. */
const transposeTwice = (x: Tensor) => add(transpose(reshape(transpose(x), [...x.shape].reverse())), 0.25);

/** All results on the host, variables last. */
async function read(outcome: Outcome, variables: readonly Variable[]): Promise<Map<string, Float64Array>> {
  const named: [string, Tensor][] = [
    ["loss", outcome.loss],
    ...outcome.grads.map((x, i): [string, Tensor] => [`gradient of input ${i} ${show(x)}`, x]),
    ...outcome.values.map((x, i): [string, Tensor] => [`returned value ${i} ${show(x)}`, x]),
    ...outcome.after.map((x, i): [string, Tensor] => [`read after assigning ${i} ${show(x)}`, x]),
    ...variables.map((x, i): [string, Tensor] => [`variable ${i}`, x]),
  ];
  const results = new Map<string, Float64Array>();
  for (const [name, x] of named) results.set(name, await x.dataFloat64());
  return results;
}

const drawInput = (shape: Shape, seed: number) => {
  const next = uniforms(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => Math.round((next() * 2 - 1) * 4096) / 4096);
};

/** Two runs on different inputs, the variables going on from one to the next. */
async function runTwice(
  graph: Graph,
  device: Device,
  wrap: (fn: (...args: Tensor[]) => Outcome) => (...args: Tensor[]) => Outcome,
): Promise<Map<string, Float64Array>[]> {
  setDevice(device);
  const shapes = families[graph.family];
  const first = variable(drawInput(shapes[0], 71), { shape: shapes[0], trainable: false });
  const second = variable(drawInput(shapes[0], 72), { shape: shapes[0], trainable: false });
  const variables = [first, second] as const;
  const call = wrap((state, ...inputs) => evaluate(graph, inputs, state, variables));
  const results: Map<string, Float64Array>[] = [];
  for (const run of [0, 1]) {
    const state = tensor(Uint32Array.of(1, 2, run, 4));
    const inputs = shapes.map((shape, i) => tensor(drawInput(shape, 100 * run + i), shape));
    const outcome = call(state, ...inputs);
    results.push(await read(outcome, variables));
    for (const x of [state, ...inputs, outcome.loss, ...outcome.grads, ...outcome.values, ...outcome.after])
      x.dispose();
  }
  for (const x of variables) x.dispose();
  return results;
}

function describeGraph(graph: Graph): string {
  const lines: string[] = [];
  setDevice(cpu);
  tidy(() => {
    const shapes = families[graph.family];
    const inputs = shapes.map((shape) => tensor(drawInput(shape, 1), shape));
    lines.push(...inputs.map((x, i) => `v${i} ${show(x)} = input`));
    const variables = [0, 1].map(() => full(shapes[0], 0.5));
    lines.push(...variables.map((x, i) => `v${inputs.length + i} ${show(x)} = variable ${i}`));
    build(graph, [...inputs, ...variables], tensor(Uint32Array.of(1, 2, 0, 4)), (line) => lines.push(line));
  });
  return `${lines.join("\n")}\nending ${graph.ending % 8}, returned bits ${graph.returned.toString(2)}\n${JSON.stringify(graph)}`;
}

function compare(got: readonly Map<string, Float64Array>[], want: typeof got, what: string): void {
  want.forEach((results, run) => {
    for (const [name, values] of results)
      expectCloseArrays(got[run].get(name)!, values, tolerance, `${what}, run ${run + 1}: ${name}`);
  });
}

async function check(graph: Graph): Promise<void> {
  let mode = "the reference";
  let plans = "";
  try {
    const want = await runTwice(graph, cpu, (fn) => fn);
    mode = "eager";
    compare(await runTwice(graph, gpu, (fn) => fn), want, mode);
    const off = passes[graph.passOff];
    for (const options of [{}, { [off]: false }] as JitOptions[]) {
      mode = Object.keys(options).length === 0 ? "jit" : `jit without ${off}`;
      let jitted: Jitted<Tensor[], Outcome> | undefined;
      try {
        const got = await runTwice(graph, gpu, (fn) => {
          jitted = jit(fn, options);
          return jitted;
        });
        await gpu.sync();
        compare(got, want, mode);
      } finally {
        if (process.env.GRADGPU_JIT_EXPLAIN === "1" && jitted !== undefined) plans += explain(jitted);
        jitted?.dispose();
      }
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${mode}: ${message}\nin the graph\n${describeGraph(graph)}\n${plans}`);
  }
}

const graphArbitrary: fc.Arbitrary<Graph> = fc.record({
  family: fc.nat(families.length - 1),
  steps: fc.array(fc.record({ op: fc.nat(21), a: fc.nat(15), b: fc.nat(15), choice: fc.nat(63) }), {
    minLength: 3,
    maxLength: 8,
  }),
  ending: fc.nat(63),
  returned: fc.nat(511),
  passOff: fc.nat(passes.length - 1),
});

it(`of ${graphs} random graphs reference, eager and jit agree`, async () => {
  const drawn = fc.sample(graphArbitrary, { seed, numRuns: graphs });
  // Each pass is switched off as often as any other.
  const all = drawn.map((graph, i) => ({ ...graph, passOff: i % passes.length }));
  const only = process.env.GRADGPU_JIT_GRAPH;
  if (only !== undefined) {
    await check(only.startsWith("{") ? (JSON.parse(only) as Graph) : all[Number(only)]);
    return;
  }
  const failures: string[] = [];
  for (const [i, graph] of all.entries()) {
    if (isDue(i, 2))
      await check(graph).catch((error: Error) => failures.push(`graph ${i}: ${error.message}`));
  }
  expect(failures.join("\n\n"), `${failures.length} of ${all.length} graphs`).toBe("");
}, 3_600_000);
