// Images resized and moved, by ours beside tfjs and ONNX Runtime: a part of oracle-cases.ts.

import type * as Tf from "@tensorflow/tfjs-core";
import * as g from "../../engine/index.ts";
import type { OracleCase, OracleInput } from "./oracle-cases.ts";
import { loadTfjs } from "./tfjs.ts";

const tf = await loadTfjs();

type Image = Tf.Tensor4D;
const input = (...shape: number[]): OracleInput => ({ shape });

/** Heights and widths, before and after; with what they have in common and without. */
const sizes: readonly (readonly [from: readonly [number, number], to: [number, number]])[] = [
  [
    [5, 7],
    [9, 4],
  ],
  [
    [4, 6],
    [8, 18],
  ],
  [
    [12, 9],
    [4, 6],
  ],
  [
    [1, 3],
    [5, 1],
  ],
  [
    [6, 5],
    [6, 5],
  ],
];

const resizing: OracleCase[] = sizes.flatMap(([from, to]) =>
  (["bilinear", "nearest"] as const).map(
    (interpolation): OracleCase => ({
      name: `resize, ${interpolation}, ${from.join("x")} to ${to.join("x")}`,
      inputs: [input(2, ...from, 3)],
      ours: (x) => g.resize(x, to, { interpolation }),
      tf: (x) =>
        interpolation === "bilinear"
          ? tf.image.resizeBilinear(x as Image, to, false, true)
          : tf.image.resizeNearestNeighbor(x as Image, to, false, true),
      // tfjs has gradients for other centres only.
      gradient: false,
      onnx: {
        nodes: [
          { op: "Transpose", inputs: ["x0"], outputs: ["image"], attributes: { perm: [0, 3, 1, 2] } },
          {
            op: "Resize",
            inputs: ["image", "", "", "x1"],
            outputs: ["result"],
            attributes: {
              coordinate_transformation_mode: "half_pixel",
              mode: interpolation === "bilinear" ? "linear" : "nearest",
              nearest_mode: "round_prefer_ceil",
            },
          },
          { op: "Transpose", inputs: ["result"], outputs: ["y"], attributes: { perm: [0, 2, 3, 1] } },
        ],
        extra: [[2, 3, ...to]],
      },
    }),
  ),
);

export const imageCases: readonly OracleCase[] = [
  ...resizing,
  {
    name: "upsample2d",
    inputs: [input(2, 3, 4, 3)],
    ours: (x) => g.upsample2d(x, [2, 3]),
    tf: (x) => tf.image.resizeNearestNeighbor(x as Image, [6, 12], false, true),
    gradient: false,
  },
  {
    name: "upsample1d, bilinear",
    inputs: [input(2, 5, 3)],
    ours: (x) => g.upsample1d(x, 3, { interpolation: "bilinear" }),
    tf: (x) => tf.squeeze(tf.image.resizeBilinear(tf.expandDims(x, 1) as Image, [1, 15], false, true), [1]),
    gradient: false,
  },
];
