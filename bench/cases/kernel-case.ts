// Makes a forward and a backward case of an op on given shapes. Backward is the tape's walk alone: the forward
// pass is recorded once, outside the clock, and its gradients are taken again and again.

import { type Device, type Shape, Tape, type Tensor, tidy } from "../../engine/index.ts";
import type { BenchCase, OwnBackend } from "../bench-case.ts";
import { spreadTensor } from "../values.ts";

interface Cost {
  readonly flops?: number;
  readonly bytes?: number;
}

export interface KernelCase {
  readonly name: string;
  /** Shapes of the inputs that gradients are taken of, filled with numbers in [-1, 1). */
  readonly shapes: readonly Shape[];
  /** Inputs without a gradient: labels, a random state. */
  readonly others?: (device: Device) => Tensor[];
  readonly run: (inputs: readonly Tensor[], others: readonly Tensor[]) => Tensor;
  readonly forward: Cost;
  readonly backward: Cost;
  readonly skip?: Partial<Record<OwnBackend, string>>;
}

export function kernelCases({ name, shapes, others, run, forward, backward, skip }: KernelCase): BenchCase[] {
  const inputsOn = (device: Device) => ({
    inputs: shapes.map((shape, i) => spreadTensor(device, shape, -1, 1, i + 1)),
    rest: others?.(device) ?? [],
  });
  return [
    {
      name,
      phase: "forward",
      ...forward,
      skip,
      prepare(device) {
        const { inputs, rest } = inputsOn(device);
        return {
          run: () => {
            run(inputs, rest).dispose();
          },
          dispose: () => {
            for (const tensor of [...inputs, ...rest]) tensor.dispose();
          },
        };
      },
    },
    {
      name,
      phase: "backward",
      ...backward,
      skip,
      prepare(device) {
        const { inputs, rest } = inputsOn(device);
        const tape = new Tape().watch(...inputs);
        const result = tape.record(() => run(inputs, rest));
        const seed = spreadTensor(device, result.shape, -1, 1, 99);
        return {
          run: () => {
            tidy(() => {
              for (const gradient of tape.gradient(result, inputs, { seed })) gradient.dispose();
            });
          },
          dispose: () => {
            tape.dispose();
            for (const tensor of [...inputs, ...rest, result, seed]) tensor.dispose();
          },
        };
      },
    },
  ];
}
