// Kernels that come in variants: several for one task, each right everywhere, each quick somewhere. What an op
// declares, and the table of what a device chose. How choices are checked and measured, neither knows.

import { ArgumentError, ShaderError } from "../base/errors.ts";
import type { AdapterProfile, Choices, Spec, Variants } from "./kernel.ts";
import type { KernelOp, Sample } from "./kernel-op.ts";

/** A size as problems give it: sizes up to the same power of two share a choice. */
export const powerOfTwo = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, size)));

/** The variant that the device uses: the favourite where no device is asked. */
export const chosen = (variants: Variants, { choices }: Pick<AdapterProfile, "choices">): string =>
  choices?.choose(variants) ?? variants.names[0];

/** Kernels in the same variants, of one op or of several: those of softmax and of its logarithm, say. */
export interface Family {
  readonly name: string;
  /** What the choice depends on, all of it: a stored choice is good as long as this text is the same. */
  readonly sources: string;
  /**
   * Whether it is checked at opening on drivers that the tests run on, too: what depends on more than WGSL is, on
   * subgroups say.
   */
  readonly isAlwaysChecked?: boolean;
  /** Small calls that tell a sound variant from a broken one; few on software adapters. */
  checks(profile: AdapterProfile): readonly Check[];
}

/** A call of one of the family's ops, which has `variants`. */
export interface Check extends Sample {
  readonly op: KernelOp;
}

/** A call of an op with `variants`. */
export interface TrialCall {
  readonly op: KernelOp;
  readonly inputs: readonly Spec[];
  readonly attrs: unknown;
}

const families = new Map<string, Family>();

/**
 * Has devices that are opened from now on check the family's variants.
 *
 * @returns what takes that back
 */
export function registerFamily(family: Family): () => void {
  families.set(family.name, family);
  return () => families.delete(family.name);
}

export const familyNamed = (name: string): Family | undefined => families.get(name);

export const registeredFamilies = (): readonly Family[] => [...families.values()];

/** How long each variant took for a problem, in milliseconds, and which one is used. */
export interface Measured {
  readonly chosen: string;
  readonly ms: Readonly<Record<string, number>>;
}

/** What is known of an adapter's variants, as it is stored. */
export interface Known {
  /** By "family/variant": true, or why it is not used. */
  verdicts: Record<string, true | string>;
  /** By "family: problem". */
  measured: Record<string, Measured>;
}

/**
 * Which variant of each kernel family a device uses. `showVariants` of `gradgpu/inspect` prints the table; `pin`
 * fixes a family's choice.
 */
export class VariantChoices implements Choices {
  /** Whether what was measured decides; else the adapter's profile alone does. */
  readonly usesMeasured: boolean;
  /** @internal */
  readonly known: Known;
  /** @internal */
  readonly adapter: string;
  /** @internal By family: what the profile has to choose from. */
  readonly names: ReadonlyMap<string, readonly string[]>;
  /** @internal By family. */
  readonly pinned = new Map<string, string>();
  /** By family and problem: what an earlier run used, which goes before what was measured. */
  #kept: Readonly<Record<string, string>> = {};
  /** @internal By family and problem: what was chosen last. */
  readonly used: Record<string, string> = {};
  /** @internal Told when plans made before may be outdated. */
  onChange: () => void = () => {};

  /** @internal */
  constructor(
    adapter: string,
    names: ReadonlyMap<string, readonly string[]>,
    known: Known,
    usesMeasured: boolean,
  ) {
    this.adapter = adapter;
    this.names = names;
    this.usesMeasured = usesMeasured;
    this.known = known;
  }

  /**
   * Uses this variant of the family wherever it can compute what is asked; undefined lifts that. What was traced before
   * keeps the kernels it was traced with.
   *
   * @throws ArgumentError for a family or variant that there is none of, or one that is broken here
   */
  pin(family: string, variant: string | undefined): void {
    const names = this.names.get(family);
    if (names === undefined)
      throw new ArgumentError(
        `pin: no kernel family is called "${family}"; there are ${listed([...this.names.keys()])}`,
      );
    if (variant === undefined) this.pinned.delete(family);
    else {
      if (!names.includes(variant))
        throw new ArgumentError(
          `pin: ${family} has no variant "${variant}" on this adapter; there are ${listed(names)}`,
        );
      const verdict = this.verdict(family, variant);
      if (typeof verdict === "string")
        throw new ArgumentError(
          `pin: ${family}'s variant "${variant}" is not used on this adapter: ${verdict}`,
        );
      this.pinned.set(family, variant);
    }
    this.onChange();
  }

  /** @internal Has the variants of an earlier run used again, where they can be, so that its numbers repeat. */
  keepUsed(used: Readonly<Record<string, string>>): void {
    this.#kept = used;
    this.onChange();
  }

  /** @internal The variant to use. */
  choose(variants: Variants): string {
    const found = this.#choose(variants);
    this.used[keyOf(variants.family, variants.problem ?? "")] = found;
    return found;
  }

  #choose({ family, problem, names }: Variants): string {
    const usable = names.filter((name) => typeof this.verdict(family, name) !== "string");
    const key = keyOf(family, problem ?? "");
    const measured =
      this.usesMeasured && problem !== undefined ? this.known.measured[key]?.chosen : undefined;
    for (const wanted of [this.pinned.get(family), this.#kept[key], measured])
      if (wanted !== undefined && usable.includes(wanted)) return wanted;
    if (usable.length > 0) return usable[0];
    const reasons = names.map((name) => `${name}: ${this.verdict(family, name)}`);
    throw new ShaderError(`${family}: no variant works on ${this.adapter}\n  ${reasons.join("\n  ")}`);
  }

  /** @internal */
  verdict(family: string, name: string): true | string | undefined {
    return this.known.verdicts[`${family}/${name}`];
  }
}

export const keyOf = (family: string, problem: string): string => `${family}: ${problem}`;

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ") || "none";
