// Random calls of the movement ops on the reference against plain JavaScript, for every dtype; and that the gradient of
// each is its adjoint: <f(x), w> = <x, gradient of <f(x), w>>, for they are all linear (but for a pad's value).

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type DType, dtypes } from "../../engine/base/dtype.ts";
import { sizeOf } from "../../engine/base/shape.ts";
import * as g from "../../engine/index.ts";
import { referenceDevice } from "../support/devices.ts";
import { type Case, movementCases } from "../support/movement-model.ts";
import { drawValues } from "../support/op-cases.ts";

beforeAll(async () => {
  g.setDevice(await referenceDevice());
});

const draw = (shape: readonly number[], dtype: DType, seed: number) => [
  ...drawValues({ shape, dtype }, seed),
];

async function check({ shape, what, call, model }: Case, dtype: DType): Promise<void> {
  const data = draw(shape, dtype, 5);
  const want = model({ shape, data });
  const got = g.tidy(() => call(g.tensor(data, { shape, dtype })));
  expect(got.shape, what).toEqual(want.shape);
  expect(got.dtype, what).toBe(dtype);
  expect([...(await got.dataFloat64())], what).toEqual(want.data);
  got.dispose();
}

async function checkAdjoint({ shape, what, call }: Case): Promise<void> {
  const x = g.tensor(draw(shape, "f32", 3), { shape });
  const zeros = g.zeros(shape);
  const y = g.sub(call(x), call(zeros));
  const w = g.tensor(draw(y.shape, "f32", 4), { shape: y.shape });
  if (sizeOf(y.shape) === 0) return;
  const [gradient] = g.grad((v: g.Tensor) => g.sum(g.mul(call(v), w)))(x);
  const [left] = await g.sum(g.mul(y, w)).dataFloat64();
  const [right] = await g.sum(g.mul(x, gradient)).dataFloat64();
  expect(Math.abs(left - right), what).toBeLessThan(1e-9 * (1 + Math.abs(left)));
}

describe.each(Object.entries(movementCases))("%s", (_, cases) => {
  it("moves what it should", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...dtypes), (one, dtype) => check(one, dtype)),
      { numRuns: 80, seed: 7 },
    );
  });

  it("has its adjoint for a gradient", async () => {
    await fc.assert(fc.asyncProperty(cases, checkAdjoint), { numRuns: 30, seed: 8 });
  });
});
