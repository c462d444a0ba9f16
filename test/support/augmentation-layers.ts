// Augmentation with ranges of one number, so that nothing is left to chance, and what scipy and torch give for it
// (test/numbers/augmentation.json).

import fs from "node:fs";
import path from "node:path";
import type { Tensor } from "../../engine/index.ts";
import type { Layer } from "../../nn/index.ts";
import * as nn from "../../nn/index.ts";

const numbers: Readonly<Record<string, readonly number[]>> = JSON.parse(
  fs.readFileSync(path.join(import.meta.dirname, "../numbers/augmentation.json"), "utf8"),
);

export interface AugmentationCase {
  readonly make: () => Layer<Tensor, Tensor>;
  readonly shape: readonly number[];
  readonly want: readonly number[];
}

const odd = [2, 7, 9, 3];
const even = [2, 6, 8, 2];

const one = (n: number) => [n, n] as const;

const cases: Readonly<
  Record<string, readonly [make: () => Layer<Tensor, Tensor>, shape: readonly number[]]>
> = {
  "rotation, reflect": [() => new nn.RandomRotation(one(0.07)), odd],
  "rotation, constant": [
    () => new nn.RandomRotation(one(-0.11), { fillMode: "constant", fillValue: 0.5 }),
    odd,
  ],
  "rotation, wrap": [() => new nn.RandomRotation(one(0.3), { fillMode: "wrap" }), even],
  "rotation, nearest pixels": [
    () => new nn.RandomRotation(one(0.07), { fillMode: "nearest", interpolation: "nearest" }),
    odd,
  ],
  "translation, reflect": [() => new nn.RandomTranslation(one(0.2), one(-0.13)), odd],
  "translation, constant": [
    () => new nn.RandomTranslation(one(-0.3), one(0.21), { fillMode: "constant", fillValue: -1 }),
    even,
  ],
  "zoom, out": [() => new nn.RandomZoom(one(0.3)), odd],
  "zoom, in": [() => new nn.RandomZoom(one(-0.4), { widthFactor: one(-0.2), fillMode: "nearest" }), even],
  blur: [() => new nn.GaussianBlur(0.8), odd],
  "blur, wide": [() => new nn.GaussianBlur(one(1.7), { kernelSize: 11 }), even],
  "blur, narrow window": [() => new nn.GaussianBlur(1.2, { kernelSize: 3 }), even],
  brightness: [() => new nn.RandomBrightness(one(0.2), { valueRange: [-2, 2] }), odd],
  "brightness, clipped": [() => new nn.RandomBrightness(one(-0.3), { valueRange: [-1, 1] }), odd],
  contrast: [() => new nn.RandomContrast(one(0.4), { valueRange: [-1, 1] }), odd],
  resizing: [() => new nn.Resizing(5, 12), odd],
  "resizing, nearest": [() => new nn.Resizing(5, 12, { interpolation: "nearest" }), odd],
  "resizing, undistorted": [() => new nn.Resizing(4, 4, { cropToAspectRatio: true }), odd],
  centre: [() => new nn.CenterCrop(3, 5), odd],
  "centre of a smaller one": [() => new nn.CenterCrop(10, 10), odd],
};

export const augmentationCases: readonly (readonly [string, AugmentationCase])[] = Object.entries(cases).map(
  ([name, [make, shape]]) => [name, { make, shape, want: numbers[name] }],
);

/** The numbers that augmentation.py makes, too. */
export const pixels = (shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7));
