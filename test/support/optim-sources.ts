// Weights and rates from elsewhere (test/fixtures/optimizers.py made them), and the same as optimizers here make them.

import { expect } from "vitest";
import {
  add,
  type Device,
  full,
  jit,
  minimum,
  mul,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { optimizerOptions } from "../../nn/state/optimizer-options.ts";
import * as optim from "../../optim/index.ts";
import { type Optimizer, type Schedule, ScheduleFreeAdamW } from "../../optim/index.ts";
import source from "../fixtures/optimizers.json" with { type: "json" };

interface Case {
  readonly optimizer: string;
  readonly variables: "small" | "deep";
  readonly options: Record<string, unknown>;
  /** All weights after the steps that were kept. */
  readonly values: readonly (readonly number[])[];
  /** Averaged weights at the end. */
  readonly average?: readonly number[];
  /** Hyper-parameters that rise from one number to another in so many steps. */
  readonly scheduled?: Readonly<Record<string, readonly [from: number, to: number, steps: number]>>;
}

export const cases = source.cases as unknown as readonly Case[];
export const schedules = source.schedules as readonly {
  schedule: keyof typeof optim.schedules;
  options: object;
  by?: string;
  rates: readonly number[];
}[];

export const titleOf = ({ optimizer, options, scheduled }: Case) =>
  `${optimizer} ${JSON.stringify({ ...options, ...(scheduled && { scheduled: Object.keys(scheduled) }) })}`;

const start = (size: number, k: number) =>
  Float32Array.from({ length: size }, (_, i) => 0.5 * Math.sin(1.3 * i + k + 1));
const gradient = (size: number, k: number, t: number) =>
  Float32Array.from(
    { length: size },
    (_, i) =>
      (0.05 + 0.4 * (k % 3)) * Math.sin(0.7 * i * (k + 1) + 0.9 * t * t + k) + 0.1 * Math.cos(3.1 * i + t),
  );

function make({ optimizer, options, scheduled = {} }: Case): Optimizer {
  const Class = (optim as unknown as Record<string, new (options: object) => Optimizer>)[optimizer];
  const rising = Object.entries(scheduled).map(([name, [from, to, steps]]) => {
    const schedule: Schedule = (step) => add(mul(minimum(mul(step, 1 / steps), 1), to - from), from);
    return [name, schedule] as const;
  });
  return new Class({
    ...optimizerOptions(options as Record<string, unknown>),
    ...Object.fromEntries(rising),
  });
}

/** Takes all steps of a case, and expects its weights on the way. */
export async function expectCase(one: Case, device: Device, how: "op by op" | "jit", tolerance: number) {
  const shapes = source.shapes[one.variables];
  const sizes = shapes.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  const variables = shapes.map(({ name, shape }, k) => variable(start(sizes[k], k), { name, shape, device }));
  const optimizer = make(one).build(variables);
  let traces = 0;
  const update = (...gradients: Tensor[]) => {
    traces++;
    optimizer.apply(gradients);
  };
  const step = how === "jit" ? jit(update) : update;
  const values = async () => {
    const all: number[] = [];
    for (const held of variables) all.push(...(await held.dataFloat64()));
    return all;
  };
  const last = source.kept[source.kept.length - 1];
  for (let t = 1; t <= last; t++) {
    const gradients = shapes.map(({ shape }, k) => tensor(gradient(sizes[k], k, t), { shape, device }));
    step(...gradients);
    for (const held of gradients) held.dispose();
    const at = source.kept.indexOf(t);
    if (at >= 0) expectNear(await values(), one.values[at], tolerance, `after step ${t}`);
  }
  if (how === "jit") expect(traces).toBe(1);
  if (one.average !== undefined) {
    if (optimizer instanceof ScheduleFreeAdamW) {
      optimizer.swapToEval();
      optimizer.swapToEval();
    } else optimizer.swapEmaWeights();
    expectNear(await values(), one.average, tolerance, "the average");
    if (optimizer instanceof ScheduleFreeAdamW) optimizer.swapToTrain();
    else optimizer.swapEmaWeights();
    expectNear(await values(), one.values[one.values.length - 1], tolerance, "the weights again");
  }
  for (const held of [optimizer, ...variables, ...(how === "jit" ? [step as ReturnType<typeof jit>] : [])])
    held.dispose();
}

function expectNear(got: readonly number[], want: readonly number[], tolerance: number, what: string): void {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => {
    const off = Math.abs(got[i] - value) / (1 + Math.abs(value));
    expect(off, `${what}: weight ${i} is ${got[i]}, not ${value}`).toBeLessThan(tolerance);
  });
}

/** The rates of a schedule's steps, or epochs, one after the other. */
export async function ratesOf(
  { schedule, options, by }: (typeof schedules)[number],
  count: number,
): Promise<number[]> {
  const made = (optim.schedules[schedule] as (options: object) => Schedule)(options);
  const rates: number[] = [];
  for (let step = 0; step < count; step++) {
    const at = full([], step);
    const context = { epoch: at, defaultValue: 0.001 };
    const rate = by === "epoch" ? made(full([], 1000 + step), context) : made(at, context);
    rates.push((await rate.dataFloat64())[0]);
  }
  return rates;
}
