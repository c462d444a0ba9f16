// MappedOnDevice: batches as a traced function of tensors makes them, one program a shape.

import { ArgumentError, kindOf } from "../../engine/base/errors.ts";
import { device, dynamicSlice, jit, Tensor, type Tree, tensor, tidy } from "../../engine/index.ts";
import { leavesOf, mapTree } from "../../engine/internal.ts";
import { mapParts } from "./elements.ts";
import { isNumberArray, isShaped } from "./nd-array.ts";
import { after, type Cursor, end, openAt, Stage } from "./stage.ts";

// biome-ignore lint/suspicious/noExplicitAny: batches of whatever a set holds
export type DeviceFunction = (batch: any) => Tree<Tensor>;

export class MappedOnDevice extends Stage {
  readonly call = "mapOnDevice()";
  readonly #fn: DeviceFunction;
  #traced: ((batch: Tree<Tensor>) => Tree<Tensor>) | undefined;

  constructor(source: Stage, fn: DeviceFunction) {
    super([source]);
    if (!source.isBatched) {
      throw new ArgumentError(
        `${source.chain}.mapOnDevice: takes batches, so that there are few calls; batch() first`,
      );
    }
    this.#fn = fn;
  }

  get length(): number | undefined {
    return this.source.length;
  }

  override restart(position: number): number {
    return this.source.restart(position);
  }

  override cursor(epoch: number, from: number): Cursor {
    const cursor = openAt(this.source, epoch, from);
    let next = from;
    const mapped = (batch: unknown) => (batch === end ? end : this.#map(batch, next++));
    return { pull: () => after(cursor.pull(), mapped), close: () => cursor.close() };
  }

  #map(batch: unknown, index: number): unknown {
    try {
      this.#traced ??= jit(this.#fn as (batch: Tree<Tensor>) => Tree<Tensor>, { device: device() });
      const uploaded: Tensor[] = [];
      const tensors = mapParts(batch, (part, path) => {
        if (part instanceof Tensor) {
          uploaded.push(part);
          return part;
        }
        const made = this.#tensorOf(part, path);
        uploaded.push(made);
        return made;
      });
      const made = (this.#traced as (batch: unknown) => Tree<Tensor>)(tensors);
      for (const leaf of leavesOf<unknown>(made)) {
        if (!(leaf instanceof Tensor) || leaf.rank === 0) {
          const found = leaf instanceof Tensor ? "a single number" : kindOf(leaf);
          throw new ArgumentError(`the function must give tensors with a row a sample, it gave ${found}`);
        }
      }
      // The program's results are overwritten when it runs again, for the next batch.
      const own = tidy(() => {
        const start = tensor(0, { dtype: "i32", device: leavesOf(made)[0].device });
        return mapTree(made, (leaf: Tensor) => dynamicSlice(leaf, start, leaf.shape[0]));
      });
      for (const one of new Set([...uploaded, ...leavesOf(made)])) one.dispose();
      return own;
    } catch (error) {
      throw this.failure(index, error);
    }
  }

  #tensorOf(part: unknown, path: string): Tensor {
    if (isShaped(part)) return tensor(part.values, { shape: [...part.shape] });
    if (isNumberArray(part)) return tensor(part);
    throw new ArgumentError(
      `part ${path} is ${kindOf(part)}; mapOnDevice takes batches of numbers: batch() first`,
    );
  }
}
