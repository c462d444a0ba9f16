// Every matmul variant on the adapter against the float64 reference: sizes around tile edges, all four
// transpositions, each way of reading the operands, batches, and values that are not finite.

import { beforeAll, describe, expect, it } from "vitest";
import { sizeOf } from "../../engine/base/shape.ts";
import { add, type Device, jit, type Op, relu, sum, type Tensor, tensor } from "../../engine/index.ts";
import { type AdapterProfile, output } from "../../engine/kernel/kernel.ts";
import { type MatmulChoice, planMatmul } from "../../engine/ops/matmul/kernels.ts";
import { matmul, productOf } from "../../engine/ops/matmul/matmul.ts";
import {
  matmulVariants,
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
import { compareForward, type Pair } from "../support/gpu-cases.ts";
import { uniforms } from "../support/op-cases.ts";
import { isDueHere, isFirstAdapter, sampled, sampledHere } from "../support/sampled.ts";

let pair: Pair;
let profile: AdapterProfile;

beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
  profile = (pair.gpu.backend as unknown as { profile: AdapterProfile }).profile;
});

interface Case {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

const caseOf = (
  [m, k, n]: readonly number[],
  { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean },
  aBatch: readonly number[] = [],
  bBatch: readonly number[] = [],
): Case => ({
  a: [...aBatch, ...(transposeA ? [k, m] : [m, k])],
  b: [...bBatch, ...(transposeB ? [n, k] : [k, n])],
  transposeA,
  transposeB,
});

const draw = (size: number, seed: number): Float32Array => {
  const next = uniforms(seed);
  return Float32Array.from({ length: size }, () => next() * 2 - 1);
};

/** The same rounded to what f16 holds too. */
const drawF16 = (size: number, seed: number): Float32Array =>
  draw(size, seed).map((x) => Math.round(x * 1024) / 1024);

/**
 * Adapter against reference, element by element: they may differ by 1e-6 sqrt(K) times the norms of the row of A
 * and the column of B.
 */
async function compare(
  op: Op,
  { a, b, transposeA, transposeB }: Case,
  drawn: (size: number, seed: number) => Float32Array = draw,
): Promise<void> {
  const [x, y] = [drawn(sizeOf(a), 3), drawn(sizeOf(b), 7)];
  const run = (device: Pair["gpu"], which: Op): Tensor =>
    apply(which, [tensor(x, { shape: a, device }), tensor(y, { shape: b, device })], {
      transposeA,
      transposeB,
    })[0];
  const [gotTensor, wantTensor] = [run(pair.gpu, op), run(pair.reference, matmul.op)];
  const [got, want] = [await gotTensor.data(), await wantTensor.dataFloat64()];
  const { batch, aBatch, bBatch, m, n, k } = productOf(
    [
      { shape: a, dtype: "f32" },
      { shape: b, dtype: "f32" },
    ],
    { transposeA, transposeB },
  );
  const rowNorms = norms(x, sizeOf(aBatch), m, k, transposeA);
  const columnNorms = norms(y, sizeOf(bBatch), n, k, !transposeB);
  // Broadcast batches are compared by the largest norm; single matrices by each element's own.
  const single = sizeOf(batch) === 1;
  const bound = 1e-6 * Math.sqrt(k);
  const largest = Math.max(...rowNorms) * Math.max(...columnNorms);
  for (let i = 0; i < want.length; i++) {
    const scale = single ? rowNorms[Math.floor(i / n)] * columnNorms[i % n] : largest;
    if (!(Math.abs(got[i] - want[i]) <= bound * scale)) {
      throw new Error(`[${a}] [${b}] ${transposeA} ${transposeB}: element ${i} is ${got[i]}, not ${want[i]}`);
    }
  }
}

/** Norms along K of `count` vectors in each of `matrices` matrices; `kFirst`: K is the outer axis. */
function norms(x: Float32Array, matrices: number, count: number, k: number, kFirst: boolean): number[] {
  return Array.from({ length: matrices * count }, (_, index) => {
    const [matrix, i] = [Math.floor(index / count), index % count];
    let sum = 0;
    for (let l = 0; l < k; l++) sum += x[matrix * count * k + (kFirst ? l * count + i : i * k + l)] ** 2;
    return Math.sqrt(sum);
  });
}

/** Each size meets each other somewhere; then sizes that vec2 and vec4 reads take, with ragged tiles. */
const sizes = [
  ...[1, 3, 7, 63, 64, 65, 127, 129].flatMap((size, i, all) => [
    [size, all[(i + 3) % 8], all[(i + 5) % 8]],
    [all[(i + 1) % 8], size, all[(i + 2) % 8]],
  ]),
  ...[
    [128, 64, 10],
    [4, 2, 4],
    [36, 130, 68],
    [100, 6, 132],
  ],
];

const variants: Record<string, () => MatmulChoice> = {
  "the profile's choice": () => ({}),
  "subgroup tile, any reading": () => ({ variant: subgroupVariant(profile.subgroupSize), readAny: true }),
  "tile 8x8, one row of threads": () => ({ variant: tileVariant(2, 1) }),
  "tile 4x4": () => ({ variant: tileVariant(1, 8) }),
  "shared tile of 128": () => ({ variant: sharedVariant(2) }),
  "shared tile of 64": () => ({ variant: sharedVariant(1) }),
  "shared tile of 64, any reading": () => ({ variant: sharedVariant(1), readAny: true }),
  "matrix tile of 64, emulated": () => ({
    variant: emulatedMatrixVariant(64, { m: 8, n: 8, k: 8 }),
    readAny: true,
  }),
  "matrix tile of 128, emulated": () => ({ variant: emulatedMatrixVariant(128, { m: 8, n: 16, k: 16 }) }),
  "tile 4x4, as GPUs read": () => ({ variant: tileVariant(1, 8) }),
  "shared tile of 64, as GPUs read": () => ({ variant: sharedVariant(1) }),
};

/** What of the profile is otherwise: GPUs read each operand as it lies. */
const changeOf = (name: string): Partial<AdapterProfile> =>
  name.endsWith("as GPUs read") ? { isSoftware: false } : {};

const flagsOf = (name: string) =>
  name.startsWith("the") || name.startsWith("tile 4x4, as") ? transpositions : fewTranspositions;

/** Software adapters compute long what GPUs are given: of that, the last seven, a part on the first adapter, too. */
const taken = isFirstAdapter
  ? [...Object.keys(variants).slice(0, 4), ...sampled(Object.keys(variants).slice(4))]
  : sampled(Object.keys(variants), 9);

describe.each(taken)("%s", (name) => {
  it("is right for all sizes, transpositions and batches", async (context) => {
    if (name.startsWith("subgroup") && !hasSubgroupTile(profile)) context.skip();
    const op = forcedMatmul(variants[name](), changeOf(name));
    const compareIt = (it: Case) => compare(op, it, name.startsWith("matrix") ? drawF16 : draw);
    for (const flag of flagsOf(name)) {
      for (const size of sizes) await compareIt(caseOf(size, flag));
      for (const size of [
        [5, 3, 7],
        [8, 6, 4],
        [33, 2, 36],
      ]) {
        await compareIt(caseOf(size, flag, [3], []));
        await compareIt(caseOf(size, flag, [], [2, 2]));
        await compareIt(caseOf(size, flag, [2, 1, 3], [4, 1]));
        await compareIt(caseOf(size, flag, [2, 3], [2, 3]));
      }
    }
  });

  it("sums the columns of B on the way", async (context) => {
    if (name.startsWith("subgroup") && !hasSubgroupTile(profile)) context.skip();
    const attrs = transpositions[1];
    const op: Op = {
      ...matmul.op,
      infer: (inputs, a) => [...matmul.op.infer(inputs, a), { shape: [inputs[1].shape[1]], dtype: "f32" }],
      kernels: ({ inputs, attrs: a, profile: p }) =>
        matmul.op.companion!.attach(
          planMatmul(productOf(inputs, a), { ...p, ...changeOf(name) }, variants[name]()),
          output(1),
          p,
        ),
    };
    for (const size of [
      [130, 5, 133],
      [3, 129, 65],
      [65, 64, 10],
    ]) {
      const { a, b } = caseOf(size, attrs);
      const [x, y] = [draw(sizeOf(a), 3), draw(sizeOf(b), 7)];
      const at = { device: pair.gpu };
      const [, sums] = apply(op, [tensor(x, { ...at, shape: a }), tensor(y, { ...at, shape: b })], attrs);
      const [, k, n] = size;
      const want = Array.from({ length: n }, (_, j) => {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += y[l * n + j];
        return sum;
      });
      expectCloseArrays(await sums.data(), want, 1e-6 * k, `column sums ${size}`);
    }
  });

  it("is right where one dimension of a grid does not hold its tiles", async (context) => {
    if (name.startsWith("subgroup") && !hasSubgroupTile(profile)) context.skip();
    const op: Op = {
      ...matmul.op,
      kernels: ({ inputs, attrs }) => {
        const narrow = { ...profile, ...changeOf(name), maxWorkgroupsPerDimension: 7 };
        const plan = planMatmul(productOf(inputs, attrs), narrow, variants[name]());
        expect(plan.calls[0].workgroups[1]).toBeGreaterThan(1);
        return plan;
      },
    };
    const drawn = name.startsWith("matrix") ? drawF16 : draw;
    await compare(op, caseOf([5, 3, 7], transpositions[0], [11], [11]), drawn);
    await compare(op, caseOf([1030, 1, 131], transpositions[0]), drawn);
  });

  it("keeps what is not finite to its own rows and columns", async (context) => {
    if (name.startsWith("subgroup") && !hasSubgroupTile(profile)) context.skip();
    const op = forcedMatmul(variants[name](), changeOf(name));
    for (const flag of flagsOf(name)) {
      // Infinities in the last row, the last column and at the last, odd k: where clamped reads repeat.
      const { a, b } = caseOf([5, 3, 8], flag);
      const x = new Float32Array(15).fill(1);
      const y = new Float32Array(24).fill(1);
      x[flag.transposeA ? 2 * 5 + 4 : 4 * 3 + 2] = Number.POSITIVE_INFINITY;
      y[flag.transposeB ? 7 * 3 + 2 : 2 * 8 + 7] = Number.POSITIVE_INFINITY;
      const [c] = apply(
        op,
        [tensor(x, { shape: a, device: pair.gpu }), tensor(y, { shape: b, device: pair.gpu })],
        flag,
      );
      const want = Array.from({ length: 40 }, (_, i) =>
        i % 8 === 7 || i >= 32 ? Number.POSITIVE_INFINITY : 3,
      );
      expect([...(await c.data())]).toEqual(want);
    }
  });
});

describe("K in parts", () => {
  // Of a profile that wants many workgroups: as many parts as K has.
  const wide = () => ({ ...profile, workgroupTarget: 2048 });
  const split = (readAny = false): Op => ({
    ...matmul.op,
    kernels: ({ inputs, attrs }) =>
      planMatmul(productOf(inputs, attrs), wide(), { variant: splitVariant(), readAny }),
  });
  const isSplit = (size: readonly number[], flag = transpositions[0], batch: readonly number[] = []) => {
    const { a, b, ...attrs } = caseOf(size, flag, batch, batch);
    const specs = [a, b].map((shape) => ({ shape, dtype: "f32" as const }));
    return planMatmul(productOf(specs, attrs), wide(), { variant: splitVariant() }).calls.length === 2;
  };

  it.runIf(isDueHere(0))(
    "are added up right: parts that do not divide K, all readings, batches",
    async () => {
      for (const flag of [transpositions[0], transpositions[2]]) {
        // Halves: of thirds the days on which this test is run would always have the same one.
        const sizes = [
          [5, 1000, 7],
          [70, 601, 37],
          [64, 2048, 64],
          [1, 130, 1],
          [66, 257, 132],
          [3, 4097, 4],
        ];
        for (const size of sampledHere(sizes, 2)) {
          expect(isSplit(size, flag)).toBe(true);
          await compare(split(), caseOf(size, flag));
        }
        await compare(split(true), caseOf([66, 258, 132], flag));
        const batches = [
          [[3], [3]],
          [[2, 1], [3]],
          [[], [2, 2]],
        ];
        for (const [aBatch, bBatch] of sampledHere(batches, 2))
          await compare(split(), caseOf([9, 300, 12], flag, aBatch, bBatch));
      }
    },
  );

  it.runIf(isDueHere(1))("of A^T B, with the sums of B's columns and what jit fuses behind", async () => {
    const program = (which: Op) => (a: Tensor, b: Tensor) => {
      const product = apply(which, [a, b], transpositions[1])[0];
      return [relu(product), sum(b, 0)];
    };
    // Whole vec4s; single elements, sums that keep what rounding loses, and fewer rows than parts.
    for (const size of [
      [68, 640, 132],
      [3, 11000, 10],
    ]) {
      const { a, b } = caseOf(size, transpositions[1]);
      const [x, y] = [draw(sizeOf(a), 3), draw(sizeOf(b), 7)];
      const at = (device: Device) =>
        [tensor(x, { shape: a, device }), tensor(y, { shape: b, device })] as const;
      const traced = jit(program(split()));
      const got = traced(...at(pair.gpu));
      const [{ plan }] = traced.programs.values();
      expect(plan.steps, `${size}`).toHaveLength(2);
      const want = jit(program(matmul.op))(...at(pair.reference));
      for (const i of [0, 1])
        expectCloseArrays(await got[i].data(), await want[i].data(), 1e-6 * size[1], `${size}: ${i}`);
    }
  });

  it("keep an infinity to its row, and NaN where infinities of both signs meet", async () => {
    const x = new Float32Array(3 * 400).fill(1);
    x[400 + 399] = Number.POSITIVE_INFINITY;
    x[800] = Number.POSITIVE_INFINITY;
    x[800 + 399] = Number.NEGATIVE_INFINITY;
    const a = tensor(x, { shape: [3, 400], device: pair.gpu });
    const b = tensor(new Float32Array(800).fill(1), { shape: [400, 2], device: pair.gpu });
    const [c] = apply(split(), [a, b], transpositions[0]);
    const inf = Number.POSITIVE_INFINITY;
    expect(Array.from(await c.data())).toEqual([400, 400, inf, inf, Number.NaN, Number.NaN]);
  });

  it("carry what jit fuses behind a product", async () => {
    const op = split();
    for (const n of [12, 13]) {
      const [x, y, bias] = [draw(5 * 600, 3), draw(600 * n, 7), draw(n, 9)];
      const results = await Promise.all(
        [pair.gpu, pair.reference].map(async (device) => {
          const which = device === pair.gpu ? op : matmul.op;
          const traced = jit((a: Tensor, b: Tensor, c: Tensor) =>
            relu(add(apply(which, [a, b], transpositions[0])[0], c)),
          );
          const args = [
            tensor(x, { shape: [5, 600], device }),
            tensor(y, { shape: [600, n], device }),
          ] as const;
          const result = traced(...args, tensor(bias, { device }));
          if (device === pair.gpu) {
            const [program] = traced.programs.values();
            expect(program.plan.steps).toHaveLength(2);
          }
          return result.data();
        }),
      );
      expectCloseArrays(results[0], results[1], 1e-4, `n = ${n}`);
    }
  });

  it("are not made of short K, nor without need", () => {
    expect(isSplit([5, 100, 7])).toBe(false);
    // Parts of a companion's sums are kept as a C of their own: there are as many as C has rows, at most.
    expect(isSplit([1, 1000, 7], transpositions[1])).toBe(false);
    expect(isSplit([2048, 1000, 2048])).toBe(false);
  });

  it("are the favourite of a GPU with few tiles to compute, and one of several otherwise", () => {
    const gpu = { ...wide(), isSoftware: false, subgroupSize: 32 };
    const namesFor = (size: readonly number[], flag = transpositions[0]) => {
      const { a, b, ...attrs } = caseOf(size, flag);
      const specs = [a, b].map((shape) => ({ shape, dtype: "f32" as const }));
      return matmulVariants(productOf(specs, attrs), gpu).map(({ name }) => name);
    };
    expect(namesFor([128, 10000, 256])[0]).toBe("shared-64x64-split");
    expect(namesFor([128, 10000, 256], transpositions[1])[0]).toBe("shared-64x64-split");
    // A dispatch more costs what shorter K would save.
    expect(namesFor([128, 512, 256])[0]).toBe("tile-32x32");
    expect(namesFor([4096, 4096, 4096])[0]).toBe("shared-128x128");
    expect(namesFor([512, 512, 512])).toContain("shared-64x64-split");
    expect(namesFor([32, 10, 32])).not.toContain("shared-64x64-split");
  });
});

describe("large products of odd sizes", () => {
  it("have their own mixtures of readings", async () => {
    // Past 2^25 multiply-adds, only the operand that needs it is read element by element.
    await compare(matmul.op, caseOf([257, 509, 260], transpositions[0]));
    await compare(matmul.op, caseOf([258, 512, 257], transpositions[1]));
    await compare(matmul.op, caseOf([257, 512, 257], transpositions[2]));
  });
});

describe("edges", () => {
  it("K = 0, empty results, and more tiles than one dimension of a grid holds", async () => {
    const attrs = transpositions[0];
    await compareForward(matmul.op, { inputs: [{ shape: [3, 0] }, { shape: [0, 5] }], attrs }, pair);
    await compareForward(matmul.op, { inputs: [{ shape: [0, 4] }, { shape: [4, 5] }], attrs }, pair);
    await compareForward(
      matmul.op,
      { inputs: [{ shape: [65_537, 1, 2] }, { shape: [65_537, 2, 1] }], attrs },
      pair,
    );
  });
});
