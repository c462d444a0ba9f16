// Images moved by matrices as torch and scipy move them: what test/numbers/affine.json holds, as calls to compare with.

import fs from "node:fs";
import path from "node:path";
import {
  type AffineOptions,
  affineTransform,
  type Device,
  grad,
  mul,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";

interface Moved {
  readonly fillMode: NonNullable<AffineOptions["fillMode"]>;
  readonly interpolation: NonNullable<AffineOptions["interpolation"]>;
  readonly perspective: boolean;
  readonly y: number[];
  /** Gradients of the sum of y times the weights; torch has no fill mode "wrap". */
  readonly images?: number[];
  readonly matrices?: number[];
}

interface Numbers {
  readonly images: number[];
  readonly shape: number[];
  readonly weights: number[];
  readonly affine: number[];
  readonly perspective: number[];
  readonly results: Moved[];
}

const file = path.resolve(import.meta.dirname, "../numbers/affine.json");
const numbers: Numbers = JSON.parse(fs.readFileSync(file, "utf8"));

export const movedImages = numbers.results.map(
  (moved) =>
    [`${moved.fillMode}, ${moved.interpolation}${moved.perspective ? ", perspective" : ""}`, moved] as const,
);

/** The matrices of a case, with a perspective or without. */
function matricesOf({ perspective }: Moved): number[] {
  if (!perspective) return numbers.affine;
  return numbers.shape
    .slice(0, 1)
    .flatMap((batch) =>
      Array.from({ length: batch }, (_, b) => [
        ...numbers.affine.slice(b * 6, b * 6 + 6),
        ...numbers.perspective.slice(b * 2, b * 2 + 2),
      ]).flat(),
    );
}

/** The result of a case, and the gradients for images and matrices. */
export function moveImages(moved: Moved, device: Device, run: (call: () => Tensor[]) => Tensor[]): Tensor[] {
  const { shape } = numbers;
  const { fillMode, interpolation } = moved;
  const images = tensor(numbers.images, { shape, device });
  const columns = moved.perspective ? 8 : 6;
  const matrices = tensor(matricesOf(moved), { shape: [shape[0], columns], device });
  const weights = tensor(numbers.weights, { shape, device });
  const call = (a: Tensor, b: Tensor) => affineTransform(a, b, { fillMode, interpolation });
  return run(() => [
    call(images, matrices),
    ...grad((a: Tensor, b: Tensor) => sum(mul(call(a, b), weights)))(images, matrices),
  ]);
}
