// What ops do where libraries differ, on the CPU reference; and how a tensor is shown in Node.

import { inspect } from "node:util";
import { expect, it } from "vitest";
import { jit, tensor, variable, zeros } from "../../engine/index.ts";
import { conventionsCases } from "../support/conventions-cases.ts";
import { referenceDevice } from "../support/devices.ts";

conventionsCases(referenceDevice);

it("Node's console shows values that are at hand, without waiting", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const on = `on ${x.device.name}`;
  expect(inspect(x)).toBe(`Tensor(f32 [2, 2] ${on})\n[[1, 2],\n [3, 4]]`);
  expect(inspect(variable([0.25], { name: "w" }))).toBe(`Variable "w" (f32 [1] ${on}) [0.25]`);
  expect(inspect(tensor(Int32Array.of(123_456_789)))).toContain("[123456789]");
  expect(inspect(tensor(7))).toBe(`Tensor(f32 [] ${on}) 7`);
  expect(inspect(zeros([200]))).toBe(`Tensor(f32 [200] ${on}) [0, 0, 0, ..., 0, 0, 0]`);
  expect(inspect(zeros([0, 3]))).toBe(`Tensor(f32 [0, 3] ${on})\n[]`);
  expect(Object.keys(x)).not.toContain("inspect");
  x.dispose();
  expect(inspect(x)).toBe(`Tensor(f32 [2, 2] ${on}, disposed)`);
  let inside = "";
  jit((y) => {
    inside = inspect({ y });
    return y;
  })(tensor([1]));
  expect(inside).toContain("Tensor(f32 [1]");
});
