// print: a tensor with all its values on the console, wherever it lies.

import { notTensor } from "./arguments.ts";
import { Tensor } from "./tensor.ts";
import { valuesText } from "./values-text.ts";

/**
 * Prints tensors on the console, each with its dtype, its shape and all its values:
 *
 *     await print(x, weight);
 *
 * It waits for the GPU. Node's `console.log(x)` shows the values, too, where they are at hand (on the CPU reference).
 */
export async function print(...tensors: Tensor[]): Promise<void> {
  tensors.forEach((value: unknown, i) => {
    if (!(value instanceof Tensor)) throw notTensor("print", value, `argument ${i + 1}`, "a Tensor");
  });
  // All are read as they are now, whatever is assigned meanwhile.
  const texts = tensors.map(async (tensor) => {
    const head = String(tensor);
    return `${head}${valuesText(await tensor.data(), tensor.shape, tensor.dtype)}`;
  });
  for (const text of await Promise.all(texts)) console.log(text);
}
