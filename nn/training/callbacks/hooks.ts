// Hooks: the callbacks of a call, told of what happens one after the other.

import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext, Hook } from "./callback.ts";

/** What a hook is told before the model and the context. */
export type Told<H extends Hook> =
  Parameters<NonNullable<Callback[H]>> extends [...infer T, TrainedModel, FitContext | undefined]
    ? T
    : Parameters<NonNullable<Callback[H]>> extends [...infer T, TrainedModel]
      ? T
      : never;

export class Hooks {
  readonly list: readonly Callback[];
  /** The callback that threw. */
  thrower: Callback | undefined;
  readonly #model: TrainedModel;
  readonly #context: FitContext | undefined;

  constructor(list: readonly Callback[], model: TrainedModel, context?: FitContext) {
    this.list = list;
    this.#model = model;
    this.#context = context;
  }

  /** Whether a callback has one of these hooks. */
  has(...names: Hook[]): boolean {
    return this.list.some((callback) => names.some((name) => callback[name] !== undefined));
  }

  /** Calls a hook of all callbacks, or of some. */
  async tell<H extends Hook>(name: H, told: Told<H>, list: readonly Callback[] = this.list): Promise<void> {
    for (const callback of list) {
      try {
        const hook = callback[name] as ((...args: unknown[]) => void | Promise<void>) | undefined;
        await hook?.call(callback, ...told, this.#model, this.#context);
      } catch (error) {
        this.thrower = callback;
        throw error;
      }
    }
  }
}
