// Activation functions and their derivatives.

import { grad, linspace, sum, tensor } from "gradgpu";
import { activations } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";

export const functions = {
  sigmoid: activations.sigmoid,
  tanh: activations.tanh,
  "Leaky ReLU (0.1)": (x: Parameters<typeof activations.relu>[0]) => activations.leakyRelu(x, 0.1),
  ReLU: activations.relu,
  step: activations.step,
};

export async function activationCurves({ keep }: Course) {
  const x = linspace(-5, 5, 201);
  keep("x", [...(await x.data())]);

  for (const [name, f] of Object.entries(functions)) {
    keep(name, [...(await f(x).data())]);
    if (name === "step") continue; // it has no derivative but 0
    const [slope] = grad((x) => sum(f(x)))(x);
    keep(`${name}: derivative`, [...(await slope.data())]);
  }
  keep("softmax", [...(await activations.softmax(tensor([[2, 1, 0.1, -3]])).data())]);
  // Far out, where a naive formula would overflow.
  keep("far out", [
    await activations.sigmoid(tensor(-100)).item(),
    await activations.sigmoid(tensor(100)).item(),
    await activations.tanh(tensor(100)).item(),
  ]);
}
