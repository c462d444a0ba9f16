// LayerTree: where a layer stands, and the weights and layers that it holds.

import type { Variable } from "../../engine/index.ts";
import { checkedLayerName } from "./layer-checks.ts";
import { baseName } from "./names.ts";
import type { Declared, Part, Role } from "./weights.ts";

/** A variable of a layer or of one inside it. */
export interface VariableIn<L> {
  /** Where it stands, relative to the layer that was asked: "kernel", "blocks/0/norm/gamma". */
  readonly path: string;
  readonly variable: Variable;
  readonly role: Role;
  /** Whether training changes it: its role is "trained", and neither its layer nor one around that is frozen. */
  readonly isTrained: boolean;
  /** The layer that declared it. */
  readonly layer: L;
}

export abstract class LayerTree<L extends LayerTree<L>> {
  /** The class's name, kept through minifiers. */
  readonly type: string;
  /** Set it to false to freeze the weights; a compiled model honours it from its next `compile` on. */
  trainable: boolean;
  readonly #givenName: string | undefined;
  /** The layer that this one stands in, the first that took it, and what it is called there. */
  #home: { readonly owner: L | undefined; readonly name: string } | undefined;
  /** @internal Weights and inner layers, in the order in which they were declared. */
  readonly parts: Part<L>[] = [];

  protected constructor(type: string, { name, trainable = true }: { name?: string; trainable?: boolean }) {
    this.type = type;
    this.#givenName = name === undefined ? undefined : checkedLayerName(type, name);
    this.trainable = trainable;
  }

  /** Given by hand, else by the first model that the layer stands in, else made of the type. */
  get name(): string {
    return this.#givenName ?? this.#home?.name ?? baseName(this.type);
  }

  /** @internal The name that was given by hand. */
  get givenName(): string | undefined {
    return this.#givenName;
  }

  /** Its name after those of the layers that it stands in: "encoder/dense". */
  get path(): string {
    const owner = this.#home?.owner;
    const name = this.#home?.name ?? this.name;
    return owner === undefined || owner.isRoot ? name : `${owner.path}/${name}`;
  }

  /** @internal Whether paths begin below it, as they do in a model that stands in no other. */
  get isRoot(): boolean {
    return false;
  }

  /** @internal Whether another layer has it as a part. */
  protected get isInside(): boolean {
    return this.#home !== undefined;
  }

  /** @internal Tells the layer where it stands; the first one counts. */
  adopt(owner: L, name: string): void {
    if (this.#home !== undefined) return;
    this.#home = { owner, name };
    // Weights that it has already get the names that they have in there.
    for (const { path, variable } of this.variables()) variable.name = `${this.path}/${path}`;
  }

  /** @internal Takes {@link adopt} back, where nothing came of it. */
  leave(owner: L): void {
    if (this.#home?.owner === owner) this.#home = undefined;
  }

  /**
   * All variables, the layer's own and those of layers inside it, in the order in which they were declared; one that is
   * reached by two paths once, under the first.
   */
  variables(): IterableIterator<VariableIn<L>> {
    return this.walk("", true, new Set(), undefined);
  }

  /** @internal The weights that training changes where the layers of a set are frozen, whatever they say. */
  trainedBut(frozen: ReadonlySet<object>): Variable[] {
    return [...this.walk("", true, new Set(), frozen)]
      .filter(({ isTrained }) => isTrained)
      .map(({ variable }) => variable);
  }

  /** @internal */
  protected *walk(
    prefix: string,
    isTrained: boolean,
    seen: Set<Variable>,
    frozen: ReadonlySet<object> | undefined,
  ): IterableIterator<VariableIn<L>> {
    const trains = isTrained && (frozen === undefined ? this.trainable : !frozen.has(this));
    for (const part of this.parts) {
      const path = `${prefix}${part.name}`;
      if ("layer" in part) yield* part.layer.walk(`${path}/`, trains, seen, frozen);
      else if (!seen.has(part.variable)) {
        seen.add(part.variable);
        const { variable, role } = part;
        yield { path, variable, role, isTrained: trains && role === "trained", layer: this as unknown as L };
      }
    }
  }

  /** @internal The weights' penalties and what keeps them in bounds, of this layer and of those inside it. */
  *weightRules(): IterableIterator<Declared> {
    for (const { layer, variable } of this.variables()) {
      for (const part of layer.parts) {
        const isIts = "variable" in part && part.variable === variable;
        if (isIts && (part.regularizer !== undefined || part.constraint !== undefined)) yield part;
      }
    }
  }

  /** @internal The layers inside this one, and in those, each once. */
  *inside(seen = new Set<L>()): IterableIterator<L> {
    for (const part of this.parts) {
      if (!("layer" in part) || seen.has(part.layer)) continue;
      seen.add(part.layer);
      yield part.layer;
      yield* part.layer.inside(seen);
    }
  }

  /** Trained weights and moving averages: what `getWeights` gives, in the same order. */
  get weights(): readonly Variable[] {
    return this.#select(({ role }) => role === "trained" || role === "moved");
  }

  get trainableWeights(): readonly Variable[] {
    return this.#select(({ isTrained }) => isTrained);
  }

  get nonTrainableWeights(): readonly Variable[] {
    return this.#select(({ role, isTrained }) => role === "moved" || (role === "trained" && !isTrained));
  }

  #select(wanted: (entry: VariableIn<L>) => boolean): Variable[] {
    return [...this.variables()].filter(wanted).map(({ variable }) => variable);
  }

  /** How many numbers the weights hold. */
  countParams(): number {
    return this.weights.reduce((total, weight) => total + weight.size, 0);
  }

  /** How errors name it: `layer "dense_1" (Dense)`. */
  describe(): string {
    return `layer "${this.path}" (${this.type})`;
  }
}
