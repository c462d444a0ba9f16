// An optimizer whose options are declared once: they become properties, and are what its config shows.

import type { RuleConfig } from "./config.ts";
import { Optimizer } from "./optimizer.ts";
import type { OptimizerOptions, RuleOption } from "./options.ts";

export abstract class DeclaredOptimizer<S extends string = string> extends Optimizer<S> {
  readonly #own: readonly string[];

  protected constructor(
    name: string,
    defaultRate: number,
    options: OptimizerOptions,
    own: Readonly<Record<string, RuleOption>>,
  ) {
    super(name, defaultRate, options, own);
    this.#own = Object.keys(own);
    for (const what of this.#own) {
      const given: unknown = Reflect.get(options, what);
      Reflect.set(this, what, own[what](given, what, this.name, this.hyper.bind(this)));
    }
  }

  protected ruleConfig(): RuleConfig {
    return Object.fromEntries(this.#own.map((what) => [what, Reflect.get(this as object, what)]));
  }
}
