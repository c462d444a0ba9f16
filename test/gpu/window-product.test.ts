// Products that gather what a window sees: every variant of their kernels against the float64 reference over random
// windows, going forth and back and as the gradient of weights; the bias's gradient beside it; many images and one large one.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  conv1d,
  conv2d,
  type Device,
  grad,
  jit,
  mul,
  type Op,
  relu,
  slice,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { windowProduct, windowWeights } from "../../engine/internal.ts";
import type { Sample } from "../../engine/kernel/kernel-op.ts";
import { resolveWindow, type Window } from "../../engine/ops/windows/windows.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice, withOwnDevice } from "../support/devices.ts";
import { compareForward, forced, type Pair } from "../support/gpu-cases.ts";
import { outputOf, randomConvolution } from "../support/naive-windows.ts";
import { isFirstAdapter, sampled, sampledHere } from "../support/sampled.ts";

let pair: Pair;
beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

/** The calls that a convolution and its gradients make. */
function callsOf(
  image: readonly number[],
  out: number,
  groups: number,
  window: Window,
): readonly (readonly [op: Op, sample: Sample])[] {
  const channels = image[3];
  const taps = window.size[0] * window.size[1];
  const places = [image[0], ...window.output, out];
  const attrs = { window, groups };
  return [
    [
      windowProduct.op,
      {
        inputs: [{ shape: image }, { shape: [taps, channels / groups, out] }],
        attrs: { ...attrs, direction: "forth" },
      },
    ],
    [
      windowProduct.op,
      {
        inputs: [{ shape: places }, { shape: [taps, out / groups, channels] }],
        attrs: { ...attrs, direction: "back" },
      },
    ],
    [windowWeights.op, { inputs: [{ shape: image }, { shape: places }], attrs }],
  ];
}

/** A convolution: its name, its shapes and its window, of which the seed makes values; how near results must be. */
interface Geometry {
  readonly image: readonly number[];
  readonly out: number;
  readonly groups: number;
  readonly window: Window;
  readonly seed: number;
  readonly tolerance: number;
}

function atRandom(seed: number): Geometry {
  const { image, out, groups, window } = randomConvolution(seed);
  const { size, stride, dilation, padding } = window;
  const resolved = resolveWindow("test", image.slice(1, 3), [...size], [...stride], [...dilation], padding);
  expect(resolved.output).toEqual(outputOf(image, window));
  return { image, out, groups, window: resolved, seed, tolerance: 1e-5 };
}

const chosen = [
  // Several tiles; runs along images; channels in whole vec4s, in pairs, singly; parts of the places.
  [[33, 6, 5, 8], [3, 3], 36, 1],
  [[12, 7, 7, 6], [3, 3], 40, 2],
  [[2, 40, 9, 3], [3, 2], 33, 1],
  [[1, 30, 33, 4], [3, 3], 5, 1],
  // Images that lie a power of two apart; four columns at most, of a whole product and of groups.
  [[12, 16, 8, 8], [3, 3], 8, 1],
  [[9, 9, 7, 6], [3, 2], 3, 1],
  [[3, 12, 20, 8], [3, 3], 8, 2],
  // Few rows of weights.
  [[11, 9, 8, 1], [4, 4], 36, 1],
  [[5, 8, 9, 1], [1, 3], 8, 1],
] as const;

const placed = [
  [[1, 1], "same"],
  [
    [2, 2],
    [[3, 4], 1],
  ],
] as const;

const geometries: readonly (readonly [name: string, geometry: () => Geometry])[] = [
  ...[501, 502, 503, 504].flatMap((seed) =>
    [0, 1, 2, 3].map((each) => [`${seed * 10 + each}`, () => atRandom(seed * 10 + each)] as const),
  ),
  ...chosen.flatMap(([image, size, out, groups]) =>
    placed.map(
      ([stride, padding]) =>
        [
          JSON.stringify({ image, size, out, groups, stride, padding }),
          () => {
            const window = resolveWindow("test", image.slice(1, 3), [...size], [...stride], [1, 1], padding);
            return { image, out, groups, window, seed: 3, tolerance: 2e-5 };
          },
        ] as const,
    ),
  ),
];

/** Each geometry by each variant; neighbours have different ones. */
const byVariants = (variants: readonly string[]) =>
  geometries.flatMap(([name, geometry]) => variants.map((variant) => [variant, name, geometry] as const));

/**
 * Names that a profile has not are its favourite. npm test takes of a GPU's kernels a third; on adapters other than the first
 * one case of those, and three of a software adapter's.
 */
const profiles = [
  { isSoftware: true, cases: sampledHere(byVariants(["subgroup-32x32", "tile-8x64", "tile-32x32"]), 34) },
  {
    isSoftware: false,
    cases: sampled(byVariants(["shared-128x128", "shared-64x64"]), isFirstAdapter ? 3 : 68),
  },
];

describe.each(profiles)(
  "every variant, as on software: $isSoftware, is right for",
  ({ isSoftware, cases }) => {
    it.each(cases)("%s, %s", async (variant, _, geometry) => {
      const { image, out, groups, window, seed, tolerance } = geometry();
      for (const [op, sample] of callsOf(image, out, groups, window))
        await compareForward(forced(op, variant, { isSoftware }), sample, pair, seed, tolerance);
    });
  },
);

it("adds up the bias's gradient beside that of the weights, in parts and groups, of few images and of many", async () => {
  for (const [image, out, groups] of [
    [[32, 20, 20, 1], 8, 1],
    [[31, 20, 20, 2], 3, 1],
    [[2, 50, 41, 3], 7, 1],
    [[9, 6, 5, 8], 72, 2],
    [[3, 5, 5, 4], 6, 2],
  ] as const) {
    const shape = [image[0], image[1], image[2], out];
    const run = (device: Device) => {
      const wave = (size: readonly number[], step: number) =>
        tensor(
          Float32Array.from({ length: size.reduce((a, b) => a * b) }, (_, i) => Math.sin(1 + i * step)),
          { shape: size, device },
        );
      const [x, w] = [wave(image, 0.7), wave([3, 3, image[3] / groups, out], 0.31)];
      const [b, g] = [wave([out], 2.1), wave(shape, 0.013)];
      const step = jit((images: Tensor, weights: Tensor, bias: Tensor) =>
        grad((kernel: Tensor, shift: Tensor) =>
          sum(mul(relu(add(conv2d(images, kernel, { padding: "same", groups }), shift)), g)),
        )(weights, bias),
      );
      return { gradients: step(x, w, b), step };
    };
    const [got, want] = [pair.gpu, pair.reference].map(run);
    for (const k of [0, 1])
      expectCloseArrays(await got.gradients[k].data(), await want.gradients[k].data(), 3e-4, `${image} ${k}`);
    for (const { gradients, step } of [got, want]) {
      for (const each of gradients) each.dispose();
      step.dispose();
    }
  }
});

it("rides on every form of product: bias and relu, in groups and singly", async () => {
  for (const [channels, out, groups] of [
    [4, 8, 2],
    [6, 6, 2],
    [3, 5, 1],
  ]) {
    const run = async (device: Device) => {
      const wave = (shape: number[], step: number) =>
        tensor(
          Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(1 + i * step)),
          { shape, device },
        );
      const convolved = jit((x: Tensor, w: Tensor, b: Tensor) =>
        relu(add(conv1d(x, w, { padding: "causal", groups, dilation: 2 }), b)),
      );
      const y = convolved(
        wave([3, 19, channels], 0.7),
        wave([3, channels / groups, out], 0.3),
        wave([out], 2),
      );
      const values = await y.data();
      convolved.dispose();
      return values;
    };
    expectCloseArrays(await run(pair.gpu), await run(pair.reference), 1e-5, `${channels} to ${out}`);
  }
});

it("gives a batch's images what each gives alone", async () => {
  const { gpu: device } = pair;
  const x = tensor(
    Float32Array.from({ length: 5 * 9 * 8 * 2 }, (_, i) => ((i * 7919) % 31) - 15),
    { shape: [5, 9, 8, 2], device },
  );
  const w = tensor(
    Float32Array.from({ length: 72 }, (_, i) => (i % 5) - 2),
    { shape: [3, 3, 2, 4], device },
  );
  const y = conv2d(x, w);
  const all = await y.data();
  for (let n = 0; n < 5; n++) {
    // Whole numbers below 2^24: every order of adding them gives the same.
    const one = await tidy(() => conv2d(slice(x, n, n + 1), w)).data();
    expect(one).toEqual(all.slice(n * one.length, (n + 1) * one.length));
  }
});

it("needs no memory but for images, weights and results", async () => {
  await withOwnDevice(async (device) => {
    const x = tensor(new Float32Array(1000 * 1000).fill(1), { shape: [1, 1000, 1000, 1], device });
    const w = tensor(new Float32Array(5 * 5 * 4).fill(0.5), { shape: [5, 5, 1, 4], device });
    const y = conv2d(x, w, { padding: "same" });
    expect((await slice(y, [0, 500, 500], [1, 501, 502]).data())[3]).toBe(12.5);
    // The images and results are 20 MB; patches would take 100 MB.
    expect(device.memory().peakBytes).toBeLessThan(30e6);
  });
});
