// Finds out which kernel variants an adapter can use: sound ones when a device is opened, the quickest for the sizes
// at hand when a program is warmed up. Keeps what it finds (store.ts).

import { printable } from "../../base/printable.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { AdapterProfile } from "../../kernel/kernel.ts";
import {
  type Family,
  familyNamed,
  keyOf,
  registeredFamilies,
  type TrialCall,
  VariantChoices,
} from "../../kernel/variants.ts";
import type { Backend, DeviceInfo } from "../backend.ts";
import { keyFor, load, save } from "./store.ts";
import { isTested } from "./tested.ts";
import { type Candidate, type Fault, faultOf, measure, soundOf, variantsOf } from "./trial.ts";

export interface TunerOptions {
  /** Left out: where pipelines compile quickly, so not on software adapters. */
  readonly autotune?: boolean;
  readonly deterministic?: boolean;
}

/** Opens another backend on the same adapter, for trials; undefined where there is none to be had. */
export type OpenTrial = () => Promise<Backend | undefined>;

/** Measuring goes on for so long in one warm-up at most; what is left over keeps the profile's choice. */
const mostMs = 3000;

export class Tuner {
  readonly choices: VariantChoices;
  readonly #adapter: string;
  readonly #key: string;
  readonly #profile: AdapterProfile;
  readonly #openTrial: OpenTrial;
  /** Verdicts that hold for this device only. */
  readonly #passing = new Set<string>();

  private constructor(
    choices: VariantChoices,
    { adapter }: DeviceInfo,
    key: string,
    profile: AdapterProfile,
    openTrial: OpenTrial,
  ) {
    this.choices = choices;
    this.#adapter = adapter;
    this.#key = key;
    this.#profile = { ...profile, choices };
    this.#openTrial = openTrial;
  }

  /** Reads what is known of the adapter's variants, and checks those of which nothing is. */
  static async open(
    info: DeviceInfo,
    profile: AdapterProfile,
    openTrial: OpenTrial,
    { deterministic = false, autotune = !numbersOf(profile).compilesSlowly }: TunerOptions,
  ): Promise<Tuner> {
    const names = new Map(registeredFamilies().map((family) => [family.name, namesOf(family, profile)]));
    const isOn = autotune && !deterministic;
    const key = keyFor(info, profile.matrixProducts?.source);
    const stored = await load(key);
    const known = stored ?? { verdicts: {}, measured: {} };
    const choices = new VariantChoices(info.adapter, names, known, isOn);
    const tuner = new Tuner(choices, info, key, profile, openTrial);
    for (const [name, verdict] of Object.entries(choices.known.verdicts)) tuner.#report(name, verdict);
    const asked = registeredFamilies().filter((family) => family.isAlwaysChecked || !isTested(info));
    await tuner.#withTrial(async (open) => {
      const hasNews = await tuner.#checkAll(asked, names, open);
      // What is damaged is replaced.
      return hasNews || stored === undefined;
    });
    return tuner;
  }

  /**
   * Measures the variants for calls of sizes that were not measured yet.
   *
   * @returns whether that changed anything: plans made before may be outdated
   */
  async tune(calls: readonly TrialCall[]): Promise<boolean> {
    if (!this.choices.usesMeasured) return false;
    const { known } = this.choices;
    const deadline = performance.now() + mostMs;
    let hasNews = false;
    await this.#withTrial(async (open) => {
      const asked = calls.flatMap((call) => {
        const variants = variantsOf(call, this.#profile);
        return variants === undefined ? [] : [{ call, ...variants }];
      });
      // What has most to choose from goes first: time may run out.
      asked.sort((a, b) => b.names.length - a.names.length);
      for (const { call, family: familyName, problem, names } of asked) {
        const family = familyNamed(familyName);
        if (family === undefined || problem === undefined || names.length < 2) continue;
        const key = keyOf(familyName, problem);
        if (key in known.measured || performance.now() > deadline) continue;
        const candidates = names.map((name) => ({ family, name }));
        if (await this.#check(candidates, open)) hasNews = true;
        const sound = names.filter((name) => known.verdicts[`${familyName}/${name}`] === true);
        const trial = await open();
        if (sound.length < 2 || trial === undefined) continue;
        // What does not fit twice is not measured.
        const measured = await measure(call, sound, trial, this.#profile).catch(() => undefined);
        if (measured === undefined) continue;
        known.measured[key] = measured;
        hasNews = true;
      }
      return hasNews;
    });
    if (hasNews) this.choices.onChange();
    return hasNews;
  }

  /** Checks what the adapter's profile may choose: on software adapters, where each takes long, until one is sound. */
  async #checkAll(
    families: readonly Family[],
    names: ReadonlyMap<string, readonly string[]>,
    open: OpenTrial,
  ): Promise<boolean> {
    const { compilesSlowly } = numbersOf(this.#profile);
    const asked = () =>
      families.flatMap((family) => {
        const candidates = names.get(family.name)!.map((name) => ({ family, name }));
        if (!compilesSlowly) return candidates;
        const next = candidates.find(
          ({ name }) => typeof this.choices.verdict(family.name, name) !== "string",
        );
        return next === undefined ? [] : [next];
      });
    let hasNews = false;
    while (await this.#check(asked(), open)) hasNews = true;
    return hasNews;
  }

  /** Checks those variants of which nothing is known; whether that brought any verdict. */
  async #check(candidates: readonly Candidate[], open: OpenTrial): Promise<boolean> {
    const { choices } = this;
    const { verdicts } = choices.known;
    const asked = candidates.filter(({ family, name }) => choices.verdict(family.name, name) === undefined);
    const together = asked.length > 1 ? await open() : undefined;
    const sound = together && (await soundOf(asked, together, this.#profile));
    let hasNews = false;
    for (const candidate of asked) {
      const { family, name } = candidate;
      let fault: Fault | undefined;
      if (!sound?.has(candidate)) {
        const trial = await open();
        if (trial === undefined) continue;
        fault = await faultOf(family, name, trial, this.#profile);
      }
      const key = `${family.name}/${name}`;
      verdicts[key] = fault?.reason ?? true;
      this.#report(key, verdicts[key]);
      if (fault?.isLasting === false) this.#passing.add(key);
      hasNews = true;
    }
    return hasNews;
  }

  #report(name: string, verdict: true | string): void {
    if (verdict !== true)
      console.warn(
        `gradgpu: kernel variant ${name} is not used on ${this.#adapter}: ${printable(verdict, true)}`,
      );
  }

  async #save(): Promise<void> {
    const { verdicts, measured } = this.choices.known;
    const lasting = Object.entries(verdicts).filter(([key]) => !this.#passing.has(key));
    await save(this.#key, { verdicts: Object.fromEntries(lasting), measured });
  }

  /** Runs `work` with a trial backend that is opened when it is asked for, and keeps what was found if it says so. */
  async #withTrial(work: (open: OpenTrial) => Promise<boolean>): Promise<void> {
    let trial: Backend | undefined;
    const open = async () => {
      if (trial !== undefined) return trial;
      const opened = await this.#openTrial().catch(() => undefined);
      trial = opened;
      // A kernel that took its device with it must not have the next one look broken.
      void opened?.lost.then(() => {
        if (trial === opened) trial = undefined;
      });
      return opened;
    };
    try {
      if (await work(open)) await this.#save();
    } finally {
      trial?.dispose();
    }
  }
}

/** All variants that the family's checks can be computed with, favourites first. */
function namesOf(family: Family, profile: AdapterProfile): readonly string[] {
  const names = new Set<string>();
  for (const { op, inputs, attrs = {} } of family.checks(profile)) {
    const specs = inputs.map(({ shape, dtype = "f32" }) => ({ shape, dtype }));
    for (const name of variantsOf({ op, inputs: specs, attrs }, profile)?.names ?? []) names.add(name);
  }
  return [...names];
}
