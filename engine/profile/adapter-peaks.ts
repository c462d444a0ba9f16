// What an adapter can do at best: multiply-adds in registers, copies by a kernel and by command, the cost of a
// dispatch. Profiles and the bench hold kernels against it.

import fmaPeakSource from "../../shaders/fma-peak.wgsl";
import { ArgumentError, TraceError } from "../base/errors.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import { jit } from "../jit/jit.ts";
import { input, output, type Spec, shader } from "../kernel/kernel.ts";
import { add } from "../ops/elementwise/arithmetic.ts";
import { elementwiseOp } from "../ops/elementwise/elementwise.ts";
import { defineOp } from "../tensor/define.ts";
import { type Device, device as defaultDevice } from "../tensor/device.ts";
import { notDifferentiable, type Op } from "../tensor/op.ts";
import { noGrad } from "../tensor/recording.ts";
import { Tensor } from "../tensor/tensor.ts";
import { variable } from "../tensor/variable.ts";

/** The best of several tries each. On a busy machine they are lower than the adapter's. */
export interface AdapterPeaks {
  /** Multiply-adds of f32 in registers, an FMA counted as two operations; billions a second. */
  readonly fmaGflops: number;
  /** Bytes read and written by the best copying kernel, billions a second. */
  readonly copyGBs: number;
  /** Bytes read and written by copyBufferToBuffer, billions a second. */
  readonly copyBufferGBs: number;
  /** Wall time of a dispatch that does next to nothing, among many in one pass. */
  readonly dispatchMicroseconds: number;
}

const fmaShader = shader("fma-peak", fmaPeakSource);
const laneCount = 64;
/** Of one lane in one round, as the shader stands: 4 vec4s, 16 FMAs each. */
const flopsPerRound = 4 * 4 * 16 * 2;

/** @internal A vec4 of `start` a lane, taken through rounds of FMAs; their sum. Exported for its test. */
export const fmaRounds = defineOp<[start: Tensor, rounds: number], { rounds: number }>({
  name: "fmaRounds",
  call: (start, rounds) => ({ inputs: [start], attrs: { rounds } }),
  infer: ([start]) => [{ shape: start.shape, dtype: "f32" }],
  kernels({ inputs: [start], attrs }) {
    const lanes = Math.ceil(sizeOf(start.shape) / 4);
    return {
      calls: [
        {
          shader: fmaShader,
          sizes: [attrs.rounds, lanes, { f32: factor }, { f32: term }],
          operands: [input(0), output(0)],
          workgroups: [Math.ceil(lanes / laneCount), 1, 1],
        },
      ],
    };
  },
  reference([start], { rounds }, [out]) {
    start.data.forEach((value, i) => {
      let sum = 0;
      for (let chain = 0; chain < 4; chain++) {
        let x = value + chain;
        for (let step = 0; step < 16 * rounds; step++) x = x * factor + term;
        sum += x;
      }
      out.data[i] = sum;
    });
  },
  vjp: notDifferentiable("it measures the adapter"),
  saves: {},
  samples: [],
});
/** They lead to 1 from everywhere: no infinities, no subnormal numbers, which are slow on CPUs. */
const factor = 0.75;
const term = 0.25;

/** As every pointwise op copies, with as many workgroups as the adapter is said to need or more. */
const identity = elementwiseOp({
  name: "copyPeak",
  arity: 1,
  wgsl: "a",
  reference: ([a]) => a,
  vjp: notDifferentiable("it measures the adapter"),
  samples: [],
});
const copyRolled = defineOp<[x: Tensor, spread: number], { spread: number }>({
  ...(identity as Op<{ spread: number }>),
  call: (x, spread) => ({ inputs: [x], attrs: { spread } }),
  kernels: ({ profile, ...context }) =>
    identity.kernels!({
      ...context,
      profile: { ...profile, workgroupTarget: profile.workgroupTarget * context.attrs.spread },
    }),
});

const measured = new WeakMap<Device, Promise<AdapterPeaks>>();

/**
 * What the device's adapter can do at best. Takes some hundred milliseconds the first time, in which the device should
 * do nothing else, and nothing afterwards.
 *
 * @throws ArgumentError on the CPU reference, which has no adapter
 */
export function measurePeaks(device: Device = defaultDevice()): Promise<AdapterPeaks> {
  if (device.kind !== "webgpu") {
    throw new ArgumentError(
      `measurePeaks: the device is the CPU reference, which has no adapter to measure; init({ device: "webgpu" })`,
    );
  }
  if (device.isTracing)
    throw new TraceError("measurePeaks: a traced function can't measure; call it outside");
  let peaks = measured.get(device);
  if (peaks === undefined) {
    peaks = measure(device);
    measured.set(device, peaks);
    peaks.catch(() => measured.delete(device));
  }
  return peaks;
}

async function measure(device: Device): Promise<AdapterPeaks> {
  const fmaGflops = await measureFma(device);
  const { copyGBs, copyBufferGBs } = await measureCopies(device);
  return { fmaGflops, copyGBs, copyBufferGBs, dispatchMicroseconds: await measureDispatch(device) };
}

async function measureFma(device: Device): Promise<number> {
  const lanes = device.backend.profile!.workgroupTarget * laneCount;
  const start = unset(device, [4 * lanes]);
  const run = (rounds: number) => timed(device, () => fmaRounds(start, rounds).dispose());
  try {
    let rounds = 64;
    await run(rounds);
    while ((await run(rounds)) < enoughMs) rounds *= 2;
    return (lanes * rounds * flopsPerRound) / (await best(() => run(rounds))) / 1e6;
  } finally {
    start.dispose();
  }
}

async function measureCopies(device: Device): Promise<{ copyGBs: number; copyBufferGBs: number }> {
  // Of activations' size on CPUs; on GPUs more than their caches hold.
  const bytes = device.info.isSoftware ? 2 ** 22 : 2 ** 26;
  const from = unset(device, [bytes / 4]);
  const to = unset(device, [bytes / 4]);
  const rate = async (run: () => void): Promise<number> => {
    await timed(device, run);
    let count = 1;
    const many = () => timed(device, () => repeat(count, run));
    while ((await many()) < enoughMs) count *= 2;
    return (2 * bytes * count) / (await best(many)) / 1e6;
  };
  try {
    const rolled = await rate(() => copyRolled(from, 1).dispose());
    const spread = await rate(() => copyRolled(from, 8).dispose());
    const copyBufferGBs = await rate(() => device.backend.copy(from.memory, to.memory, to));
    return { copyGBs: Math.max(rolled, spread), copyBufferGBs };
  } finally {
    from.dispose();
    to.dispose();
  }
}

/** A replayed program's, for those are what the cost counts in: pipelines and bind groups are there. */
async function measureDispatch(device: Device): Promise<number> {
  const counter = variable([0, 0, 0, 0], { trainable: false, device });
  const step = jit(() => void counter.assign(add(counter, 1)), { name: "measurePeaks", device });
  const run = (steps: number) => timed(device, () => step.run({ steps }));
  try {
    await run(1);
    const before = device.counters().dispatches;
    await run(1);
    const dispatches = device.counters().dispatches - before;
    const base = await best(() => run(1));
    const many = await best(() => run(manySteps + 1));
    return (1000 * Math.max(0, many - base)) / (manySteps * dispatches);
  } finally {
    step.dispose();
    counter.dispose();
  }
}

/** Long enough to hide a submit and the wait for it. */
const enoughMs = 8;
const tries = 5;
const manySteps = 1000;

/** Memory as it is found: what it holds does not matter. */
function unset(device: Device, shape: Shape): Tensor {
  const spec: Spec = { shape, dtype: "f32" };
  return new Tensor(device, spec, device.backend.allocate(spec, "measurePeaks"));
}

async function timed(device: Device, run: () => void): Promise<number> {
  await device.sync();
  const started = performance.now();
  noGrad(run);
  await device.sync();
  return performance.now() - started;
}

async function best(run: () => Promise<number>): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) shortest = Math.min(shortest, await run());
  return shortest;
}

function repeat(count: number, run: () => void): void {
  for (let i = 0; i < count; i++) run();
}
