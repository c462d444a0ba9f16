// Note 002's back-propagation by hand: two inputs, two hidden and two output units, sigmoid, no bias, one sample.

import { matmul, mul, sigmoid, square, sub, sum, Tape, tensor, variable } from "gradgpu";
import type { Course } from "./frame/lesson.ts";

export async function backPropagation({ keep }: Course) {
  const x = tensor([[0.1, 0.2]]);
  const t = tensor([[0.4, 0.6]]);
  // One column a unit: w1 and w2 lead to the first hidden unit, w5 and w6 to the first output.
  const W1 = variable([
    [0.3, 0.4],
    [0.25, 0.35],
  ]);
  const W2 = variable([
    [0.45, 0.7],
    [0.4, 0.6],
  ]);

  // Forward.
  const tape = new Tape({ retain: true });
  const { z12, h, z34, o, E } = tape.record(() => {
    const z12 = matmul(x, W1);
    const h = sigmoid(z12);
    const z34 = matmul(h, W2);
    const o = sigmoid(z34);
    const E = mul(square(sub(t, o)), 0.5);
    return { z12, h, z34, o, E };
  });
  const total = tape.record(() => sum(E));

  // Backward: from the error to the weights.
  const [dW1, dW2] = tape.gradient(total, [W1, W2]);

  const numbers = async (value: typeof x) => [...(await value.data())];
  keep("z1 z2", await numbers(z12));
  keep("h1 h2", await numbers(h));
  keep("z3 z4", await numbers(z34));
  keep("o1 o2", await numbers(o));
  keep("E1 E2", await numbers(E));
  keep("E", await total.item());
  const [g5, g7, g6, g8] = await numbers(dW2);
  keep("∂E/∂w5..w8", [g5, g6, g7, g8]);
  const [g1, g3, g2, g4] = await numbers(dW1);
  keep("∂E/∂w1..w4", [g1, g2, g3, g4]);

  // One step of gradient descent, with a rate of 0.5.
  W1.assign(sub(W1, mul(dW1, 0.5)));
  W2.assign(sub(W2, mul(dW2, 0.5)));
  const [w5, w7, w6, w8] = await numbers(W2);
  keep("new w5..w8", [w5, w6, w7, w8]);
  const [w1, w3, w2, w4] = await numbers(W1);
  keep("new w1..w4", [w1, w2, w3, w4]);
  keep("E after", await sum(mul(square(sub(t, sigmoid(matmul(sigmoid(matmul(x, W1)), W2)))), 0.5)).item());
}
