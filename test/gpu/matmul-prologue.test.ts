// Pointwise work that jit computes as a product reads its operands: every variant, reading and dtype against the same
// function without that fusion; and where it must not be done.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  cast,
  type Device,
  dropout,
  greater,
  jit,
  matmul,
  mul,
  type Op,
  relu,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  variable,
  where,
} from "../../engine/index.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import { planMatmul } from "../../engine/ops/matmul/kernels.ts";
import { matmul as matmulFunction, productOf } from "../../engine/ops/matmul/matmul.ts";
import {
  type MatmulVariant,
  sharedVariant,
  splitVariant,
  subgroupVariant,
  tileVariant,
} from "../../engine/ops/matmul/variants.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import {
  emulatedMatrixVariant,
  fewTranspositions,
  forcedMatmul,
  hasSubgroupTile,
  transpositions,
} from "../support/forced-matmul.ts";
import { uniforms } from "../support/op-cases.ts";
import { sampledHere } from "../support/sampled.ts";

let device: Device;
let reference: Device;
let profile: AdapterProfile;
beforeAll(async () => {
  reference = await referenceDevice();
  device = await gpuDevice();
  profile = (device.backend as unknown as { profile: AdapterProfile }).profile;
});

type Function = (...args: Tensor[]) => Tensor;

const draw = (shape: readonly number[], seed: number): Tensor => {
  const next = uniforms(seed);
  // Exact in f16, so that every variant computes the same.
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, () => Math.round(next() * 512 - 256) / 256);
  return tensor(values, { shape: [...shape], device });
};

const copyOn = async (x: Tensor, to: Device): Promise<Tensor> =>
  tensor(Array.from(await x.data()), { shape: [...x.shape], dtype: x.dtype, device: to });

/** Runs `fn` under jit on the adapter, and as it stands on the reference; tells how many dispatches the first takes. */
async function both(
  fn: Function,
  args: readonly Tensor[],
): Promise<{ got: number[]; want: number[]; steps: number }> {
  const fused = jit(fn);
  try {
    const got = Array.from(await fused(...args).data());
    const copies = await Promise.all(args.map((x) => copyOn(x, reference)));
    const want = Array.from(await fn(...copies).data());
    const [program] = fused.programs.values();
    return { got, want, steps: program.plan.steps.length };
  } finally {
    fused.dispose();
  }
}

async function expectFused(fn: Function, args: readonly Tensor[], what: string, steps = 1): Promise<void> {
  const { got, want, steps: taken } = await both(fn, args);
  expect(taken, what).toBe(steps);
  expectCloseArrays(got, want, 1e-4, what);
}

const variants: Record<string, () => MatmulVariant> = {
  subgroup: () => subgroupVariant(profile.subgroupSize),
  "tile 8x64": () => tileVariant(2, 1),
  "tile 32x32": () => tileVariant(1, 8),
  "shared 64x64": () => sharedVariant(1),
  "matrix 64x64, emulated": () => emulatedMatrixVariant(64, { m: 8, n: 8, k: 8 }),
};

/** matmul with a variant forced. */
const forced = (variant: MatmulVariant, readAny = false): typeof matmul => {
  const op = forcedMatmul({ variant, readAny });
  return ((a: Tensor, b: Tensor, { transposeA = false, transposeB = false } = {}) =>
    apply(op, [a, b], { transposeA, transposeB })[0]) as typeof matmul;
};

const layouts = Object.keys(variants).flatMap((name) =>
  (name === "subgroup" ? transpositions : fewTranspositions).map((flag) => [name, flag] as const),
);

describe("a chain before a product", () => {
  it.for(sampledHere(layouts, 6))(
    "is computed as the operands are read: by the variant %s, %j",
    async ([name, flag], context) => {
      if (name === "subgroup" && !hasSubgroupTile(profile)) context.skip();
      const product = forced(variants[name]());
      for (const [m, k, n] of [
        [5, 7, 3],
        [36, 34, 40],
      ]) {
        const a = draw(flag.transposeA ? [k, m] : [m, k], 3);
        const b = draw(flag.transposeB ? [n, k] : [k, n], 7);
        await expectFused(
          (x, y, scale) => relu(product(relu(sub(x, 0.25)), mul(y, scale), flag)),
          [a, b, tensor([0.5], { device })],
          `${m}x${k}x${n}`,
        );
      }
    },
  );

  it("takes operands of every dtype, however they are read", async () => {
    for (const [m, k, n, transposeA] of [
      [5, 7, 3, false],
      [36, 10, 8, false],
      [36, 10, 8, true],
    ] as const) {
      const shape = transposeA ? [k, m] : [m, k];
      const b = draw([k, n], 7);
      for (const dtype of ["i32", "u32", "u8", "bool"] as const) {
        const values = Array.from({ length: m * k }, (_, i) =>
          dtype === "bool" ? Number((i * 7) % 3 === 0) : (i * 37) % 251,
        );
        const x = tensor(values, { shape, dtype, device });
        await expectFused(
          (a, y) => matmul(mul(cast(a, "f32"), 1 / 256), y, { transposeA }),
          [x, b],
          `${dtype} ${shape}`,
        );
      }
    }
    const bytes = tensor(
      Array.from({ length: 33 * 8 }, (_, i) => (i * 37) % 251),
      {
        shape: [33, 8],
        dtype: "u8",
        device,
      },
    );
    await expectFused(
      (x, y) => matmul(x, mul(cast(y, "f32"), 1 / 256)),
      [draw([5, 33], 3), bytes],
      "on the right",
    );
  });

  it("reads several values of one shape, and masks", async () => {
    const [a, b, c] = [draw([33, 34], 3), draw([33, 34], 5), draw([34, 36], 7)];
    await expectFused((x, y, z) => matmul(add(mul(x, 0.5), y), z), [a, b, c], "two sources");
    const mask = tensor(
      Array.from({ length: 33 * 34 }, (_, i) => i % 3 === 0),
      { shape: [33, 34], device },
    );
    await expectFused((x, m, z) => matmul(where(m, x, 0), z), [a, mask, c], "a mask");
  });

  it("works in batches, and where K is cut into parts", async () => {
    const [a, b] = [draw([3, 5, 6], 3), draw([6, 4], 7)];
    await expectFused((x, y) => matmul(relu(x), y), [a, b], "folded batch");
    await expectFused(
      (x, y) => matmul(relu(x), y, { transposeB: true }),
      [draw([2, 1, 5, 6], 3), draw([3, 4, 6], 7)],
      "broadcast batch",
    );
    const wide = { ...profile, workgroupTarget: 2048 };
    const op: Op = {
      ...matmulFunction.op,
      kernels: ({ inputs, attrs }) => planMatmul(productOf(inputs, attrs), wide, { variant: splitVariant() }),
    };
    const product = (x: Tensor, y: Tensor) => apply(op, [x, y], { transposeA: false, transposeB: false })[0];
    await expectFused(
      (x, y) => product(relu(x), mul(y, 2)),
      [draw([5, 601], 3), draw([601, 7], 7)],
      "in parts",
      2,
    );
  });

  it("keeps literals that are not finite, and odd K's missing half out of the sums", async () => {
    // 1 at 0, where a value past K would be: it must not count.
    const ones = jit((x: Tensor, y: Tensor) => matmul(sub(1, x), y));
    const zeros = tensor(new Float32Array(15), { shape: [3, 5], device });
    const y = tensor(new Float32Array(5).fill(1), { shape: [5, 1], device });
    expect(Array.from(await ones(zeros, y).data())).toEqual([5, 5, 5]);
    ones.dispose();
    const infinite = (x: Tensor, z: Tensor) => matmul(where(greater(x, 5), Number.POSITIVE_INFINITY, x), z);
    await expectFused(infinite, [draw([3, 5], 3), y], "an infinity that no element takes");
    const large = tensor([1, 6, 1], { shape: [3, 1], device });
    const { got } = await both(infinite, [large, tensor([[1]], { device })]);
    expect(got).toEqual([1, Number.POSITIVE_INFINITY, 1]);
  });

  it("leaves variables right that the same program assigns", async () => {
    const state = variable(
      [
        [1, 2],
        [3, 4],
      ],
      { device },
    );
    const y = tensor(
      [
        [1, 0],
        [0, 1],
      ],
      { device },
    );
    const step = jit((z: Tensor) => {
      const result = matmul(mul(state, 2), z);
      state.assign(add(state, 1));
      return result;
    });
    expect(Array.from(await step(y).data())).toEqual([2, 4, 6, 8]);
    expect(Array.from(await step(y).data())).toEqual([4, 6, 8, 10]);
    expect(Array.from(await state.data())).toEqual([3, 4, 5, 6]);
    step.dispose();
    state.dispose();
  });

  it("is a kernel of its own where it is needed elsewhere, costs too much, or wants to know the element", async () => {
    const [a, b] = [draw([33, 34], 3), draw([34, 36], 7)];
    const steps = async (fn: Function, args: readonly Tensor[]) => (await both(fn, args)).steps;
    expect(await steps((x, y) => add(sum(relu(x)), sum(matmul(relu(x), y))), [a, b])).toBeGreaterThan(2);
    // A dozen operations, computed again by each of 2 tiles and more.
    expect(await steps((x, y) => matmul(tanh(x), y), [a, b])).toBe(2);
    expect(await steps((x, y) => matmul(tanh(x), y), [a, draw([34, 8], 7)])).toBe(1);
    const row = draw([34], 5);
    expect(await steps((x, y, r) => matmul(add(x, r), y), [a, b, row])).toBe(2);
    const state = tensor(Uint32Array.of(1, 2, 3, 4), { device });
    const {
      got,
      want,
      steps: taken,
    } = await both((x, y, s) => matmul(dropout(x, 0.5, s), y), [a, draw([34, 8], 7), state]);
    expect(taken).toBe(2);
    expectCloseArrays(got, want, 1e-4, "dropout before a product");
  });
});
