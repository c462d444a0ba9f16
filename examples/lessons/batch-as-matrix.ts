// Four samples at once through a layer of two units: one matrix product, and still eight parameters.

import { add, matmul, tensor } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";

export async function batchAsMatrix({ keep }: Course) {
  const model = new Sequential([new Input([3]), new Dense(2)]);
  const [W, b] = model.layers[0].weights;
  const X = tensor([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
    [-1, 0, 1],
  ]);

  const together = add(matmul(X, W), b); // [4, 3] · [3, 2] + [2] = [4, 2]
  keep("together", (await together.array()) as number[][]);

  const alone: number[][] = [];
  for (const row of (await X.array()) as number[][]) {
    const output = model.call(tensor([row])); // [1, 3] · [3, 2] + [2] = [1, 2]
    alone.push([...(await output.data())]);
  }
  keep("one by one", alone);
  keep("parameters", model.countParams());
  keep("W", (await W.array()) as number[][]);
}
