// KeyValueCache: keys and values of the steps that a model has seen, so that generating goes on step by step.

import {
  ArgumentError,
  add,
  type Device,
  gather,
  greaterEqual,
  less,
  logicalAnd,
  maximum,
  minimum,
  noGrad,
  reshape,
  sub,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variable,
  where,
} from "../../../engine/index.ts";
import {
  Ambient,
  atLeastOne,
  checkFunction,
  checkOptions,
  kindOf,
  type OptionNames,
} from "../../../engine/internal.ts";
import { Layer } from "../layer.ts";

export interface KeyValueCacheOptions {
  /** Sequences that are generated side by side; default 1. */
  batchSize?: number;
  /** Steps that there is room for. */
  maxLength: number;
}

const cacheOptions: OptionNames<KeyValueCacheOptions> = { batchSize: true, maxLength: true };

/** The cache of the call that is running. */
export const caching = new Ambient<KeyValueCache | undefined>(undefined, (cache) => cache);

/** A layer that keeps keys and values. */
interface Caching {
  /** Numbers of a step's keys and values; undefined for one that keeps none. */
  readonly cacheWidth?: number;
}

/**
 * Room for the keys and values of the model's attention layers with `useCausalMask`, [batchSize, maxLength, ...] each. Within
 * {@link run} they attend to what earlier calls left, and positional layers go on from there: calls with one step after another
 * give what one call with all of them gives.
 *
 *     const cache = new KeyValueCache(model, { maxLength: 256 });
 *     const step = jit((token: Tensor) => cache.run(() => model.call(token))); // [1, 1] to [1, 1, vocabulary]
 *
 * All shapes stay the same from step to step and the position lies on the device, so a jitted step is traced once.
 */
export class KeyValueCache {
  readonly batchSize: number;
  readonly maxLength: number;
  /** How many steps there are, i32 [1]. */
  readonly position: Variable;
  readonly #variables = new Map<object, Variable>();
  #steps: number | undefined;

  /** @param model built: a model that was called, or has inputs of known features */
  constructor(model: Layer, options: KeyValueCacheOptions) {
    checkOptions("KeyValueCache", options, cacheOptions);
    if (!(model instanceof Layer))
      throw new ArgumentError(`KeyValueCache: argument 1 must be a model or a layer, got ${kindOf(model)}`);
    const { batchSize = 1, maxLength } = options ?? {};
    this.batchSize = atLeastOne("KeyValueCache", "batchSize", batchSize);
    this.maxLength = atLeastOne("KeyValueCache", "maxLength", maxLength as number);
    const device: Device | undefined = model.weights[0]?.device;
    if (device === undefined)
      throw new ArgumentError(`KeyValueCache: ${model.describe()} is not built yet; call it once before`);
    this.position = variable(new Int32Array(1), { dtype: "i32", trainable: false, device, name: "position" });
    for (const layer of [model, ...model.inside()]) {
      const width = (layer as Caching).cacheWidth;
      if (width === undefined) continue;
      const shape = [batchSize, this.maxLength, width];
      this.#variables.set(
        layer,
        variable(new Float32Array(batchSize * this.maxLength * width), {
          shape,
          trainable: false,
          device,
          name: `${layer.path}/cache`,
        }),
      );
    }
    if (this.#variables.size > 0) return;
    this.dispose();
    throw new ArgumentError(
      `KeyValueCache: ${model.describe()} has no MultiHeadAttention or GroupedQueryAttention with useCausalMask, and others can't go on step by step`,
    );
  }

  /** Bytes of all keys and values. */
  get bytes(): number {
    return [...this.#variables.values()].reduce((total, { size }) => total + 4 * size, 0);
  }

  /**
   * Runs `fn`, in which the model is called with the next steps, [batchSize, steps], and moves on by as many. More than
   * maxLength steps in all are not kept, and what comes out then means nothing: {@link reset} before.
   */
  run<R>(fn: () => R): R {
    checkFunction(
      "KeyValueCache: run",
      fn,
      "calls the model, as in () => model.call(token)",
      "keys are kept",
    );
    this.#steps = undefined;
    return tidy(() => {
      const result = noGrad(() => caching.with(this, fn));
      const steps = this.#steps;
      if (steps === undefined)
        throw new ArgumentError(
          "KeyValueCache: run: nothing in it called the model's attention in inference",
        );
      noGrad(() => this.position.assign(add(this.position, steps)));
      return result;
    });
  }

  /** Begins new sequences. */
  reset(): void {
    this.position.set(new Int32Array(1));
  }

  /** Frees it; the model stays. */
  dispose(): void {
    this.position.dispose();
    for (const one of this.#variables.values()) one.dispose();
    this.#variables.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal Keeps a layer's keys and values of the next steps, and gives those of all, [batch, maxLength, width]. */
  keep(layer: { describe(): string }, next: Tensor): Tensor {
    const held = this.#variables.get(layer);
    const [batch, steps, width] = next.shape;
    if (held === undefined)
      throw new ArgumentError(
        `${layer.describe()}: is none of the layers that the KeyValueCache was made for`,
      );
    if (batch !== this.batchSize || steps > this.maxLength)
      throw new ArgumentError(
        `${layer.describe()}: the KeyValueCache has room for ${this.batchSize} sequences of ${this.maxLength} steps, got ${batch} of ${steps}`,
      );
    if (this.#steps !== undefined && this.#steps !== steps)
      throw new ArgumentError(
        `${layer.describe()}: got ${steps} steps where another layer got ${this.#steps}`,
      );
    this.#steps = steps;
    return tidy(() => {
      const places = tensor(
        Int32Array.from({ length: this.maxLength }, (_, i) => i),
        {
          shape: [this.maxLength],
          dtype: "i32",
          device: next.device,
        },
      );
      const at = sub(places, this.position);
      const isNew = reshape(logicalAnd(greaterEqual(at, 0), less(at, steps)), [1, this.maxLength, 1]);
      const rows = steps === 1 ? next : gather(next, minimum(maximum(at, 0), steps - 1), 1);
      held.assign(where(isNew, rows, held));
      return reshape(held, [batch, this.maxLength, width]);
    });
  }
}
