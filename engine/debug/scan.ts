// The scan behind `debug({ numerics: true })`: one dispatch that counts a tensor's NaN and infinities by their bits
// and finds its finite minimum and maximum. Each lane keeps a row of its own, which the host adds up.

import scanSource from "../../shaders/numerics-scan.wgsl";
import { sizeOf } from "../base/shape.ts";
import { input, output, type Spec, shader } from "../kernel/kernel.ts";
import { notDifferentiable, type Op } from "../tensor/op.ts";

const scanShader = shader("numerics-scan", scanSource);

/** What is in a tensor. */
export interface Contents {
  readonly nans: number;
  readonly infinities: number;
  /** Of the finite values; NaN where there are none. */
  readonly minimum: number;
  readonly maximum: number;
}

const workgroup = 64;
const wordsPerLane = 4;

/** One workgroup, which every adapter runs at once; large tensors get more. */
export const lanesFor = (spec: Spec): number => (sizeOf(spec.shape) > 2 ** 16 ? 16 * workgroup : workgroup);

export const reportSpec = (spec: Spec): Spec => ({ shape: [lanesFor(spec) * wordsPerLane], dtype: "u32" });

/** Not a public op: its output is a report of {@link wordsPerLane} words a lane. */
export const scanOp: Op = {
  name: "numericsScan",
  infer: ([x]) => [reportSpec(x)],
  kernels: ({ inputs: [x] }) => ({
    calls: [
      {
        shader: scanShader,
        sizes: [sizeOf(x.shape), lanesFor(x)],
        operands: [input(0), output(0)],
        workgroups: [lanesFor(x) / workgroup, 1, 1],
      },
    ],
  }),
  reference: ([x], _, [report]) => {
    const words = report.data as Uint32Array;
    words.fill(0);
    for (let lane = 0; lane < words.length; lane += wordsPerLane) words[lane + 2] = 0xffffffff;
    for (const value of x.data) {
      const bits = bitsOf(value);
      const magnitude = bits & 0x7fffffff;
      if (magnitude > 0x7f800000) words[0]++;
      else if (magnitude === 0x7f800000) words[1]++;
      else {
        const key = (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0;
        words[2] = Math.min(words[2], key);
        words[3] = Math.max(words[3], key);
      }
    }
  },
  vjp: notDifferentiable("it counts"),
  saves: {},
  samples: [],
};

/** Adds up a report's lanes. */
export function readReport(words: ArrayLike<number>): Contents {
  let [nans, infinities, low, high] = [0, 0, 0xffffffff, 0];
  for (let lane = 0; lane < words.length; lane += wordsPerLane) {
    nans += words[lane];
    infinities += words[lane + 1];
    low = Math.min(low, words[lane + 2]);
    high = Math.max(high, words[lane + 3]);
  }
  const isEmpty = low > high;
  return {
    nans,
    infinities,
    minimum: isEmpty ? Number.NaN : floatOf(low),
    maximum: isEmpty ? Number.NaN : floatOf(high),
  };
}

const scratch = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/** The float behind a key: keys order as floats do. */
function floatOf(key: number): number {
  scratch.setUint32(0, key & 0x80000000 ? key & 0x7fffffff : ~key);
  return scratch.getFloat32(0);
}
