// Sums: numbers and vectors that steps add to on the device, and that the host takes over in float64.

import {
  add,
  type Device,
  type Shape,
  sizeOf,
  type Tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";

/**
 * The host takes the sums over after each step of an epoch that this divides, so that they do not depend on when somebody
 * looks. In f32, a sum of n equal numbers may be off by n / 2 roundings.
 */
export const stepsToTake = 256;

export class Sums {
  /** @internal Over the steps since the host took them over last. */
  readonly totals: ReadonlyMap<string, Variable>;
  /** @internal The same over the steps before, since {@link reset}. */
  taken: Promise<ReadonlyMap<string, Float64Array>> = Promise.resolve(new Map());

  /** @param shapes of each sum, by name */
  constructor(device: Device, shapes: Readonly<Record<string, Shape>>) {
    this.totals = new Map(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        variable(new Float32Array(sizeOf(shape)), {
          shape,
          device,
          trainable: false,
          name: `total/${name}`,
        }),
      ]),
    );
  }

  add(name: string, amount: Tensor): void {
    const total = this.totals.get(name) as Variable;
    total.assign(add(total, amount));
  }

  /** The shape of a sum; undefined where there is none of that name. */
  shapeOf(name: string): Shape | undefined {
    return this.totals.get(name)?.shape;
  }

  /** Starts again. */
  reset(): void {
    this.taken = Promise.resolve(new Map());
    this.#clear();
  }

  /** To be told how many steps were taken since {@link reset}: at least wherever {@link stepsToTake} divides them. */
  noteSteps(steps: number): void {
    if (steps % stepsToTake !== 0) return;
    this.taken = this.read();
    // Whoever reads gets the error; nobody may be there yet.
    this.taken.catch(() => {});
    this.#clear();
  }

  /** All sums as of now, added up in float64. */
  async read(): Promise<ReadonlyMap<string, Float64Array>> {
    const totals = [...this.totals];
    const [taken, ...values] = await Promise.all([
      this.taken,
      ...totals.map(async ([, total]) => Float64Array.from(await total.data())),
    ]);
    return new Map(
      totals.map(([name], i) => {
        const before = taken.get(name);
        return [name, before === undefined ? values[i] : values[i].map((value, k) => value + before[k])];
      }),
    );
  }

  dispose(): void {
    for (const total of this.totals.values()) total.dispose();
  }

  #clear(): void {
    for (const total of this.totals.values()) total.set(new Float32Array(total.size));
  }
}
