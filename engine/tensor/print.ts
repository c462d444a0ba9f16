// print: a tensor with its values on the console, wherever it lies.

import { notTensor } from "./arguments.ts";
import { Tensor } from "./tensor.ts";
import { valuesText } from "./values-text.ts";

/** As NumPy shows arrays: whole up to so many elements, else so many at either end of each axis. */
const whole = 1000;
const edge = 3;

/**
 * Prints tensors on the console, each with its dtype, its shape and its values, of more than 1,000 the first and the last
 * three along each axis; `console.log(await x.array())` shows all.
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
    const values = await tensor.data();
    return `${head}${valuesText(values, tensor.shape, tensor.dtype, values.length > whole ? edge : undefined)}`;
  });
  for (const text of await Promise.all(texts)) console.log(text);
}
