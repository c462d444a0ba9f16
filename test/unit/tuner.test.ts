// Which variants of a kernel a device ends up with, on a trial device made up here: what its kernels compute, how long
// they take, how they fail and whether they take the device with them.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Backend, DeviceInfo, Operands, PlannedCall } from "../../engine/backend/backend.ts";
import { CpuBackend } from "../../engine/backend/cpu.ts";
import { keyFor, load, save } from "../../engine/backend/tuning/store.ts";
import { isTested } from "../../engine/backend/tuning/tested.ts";
import { Tuner, type TunerOptions } from "../../engine/backend/tuning/tuner.ts";
import { DeviceError, LimitError, ShaderError } from "../../engine/base/errors.ts";
import { showVariants } from "../../engine/inspect/show-variants.ts";
import { type AdapterProfile, type Choices, shader, type Variants } from "../../engine/kernel/kernel.ts";
import type { KernelOp } from "../../engine/kernel/kernel-op.ts";
import {
  chosen,
  type Family,
  type Known,
  powerOfTwo,
  registeredFamilies,
  registerFamily,
  VariantChoices,
} from "../../engine/kernel/variants.ts";
import type { Device } from "../../engine/tensor/device.ts";

const profile: AdapterProfile = {
  isSoftware: false,
  subgroupSize: 0,
  hasF16: false,
  workgroupTarget: 64,
  maxWorkgroupsPerDimension: 65535,
  maxStorageBuffers: 8,
};
const info: DeviceInfo = {
  backend: "webgpu",
  adapter: "an adapter made up",
  driver: "version 1",
  vendor: "",
  isSoftware: false,
  features: ["one"],
  limits: {},
};

/** Of one element: what a variant makes of twice `x`, which is right. */
type Behaviour = (twice: number, i: number, backend: TrialBackend) => number | undefined;
const right: Behaviour = (twice) => twice;
let behaviours: Record<string, Behaviour> = {};
/** Milliseconds of one run, by variant. */
let costs: Record<string, number> = {};
let now = 0;

class TrialBackend extends CpuBackend {
  lose: (reason: string) => void = () => {};
  isLost = false;
  isClosed = false;
  ran: string[] = [];
  readonly #lost = new Promise<string>((resolve) => {
    this.lose = (reason) => {
      this.isLost = true;
      resolve(reason);
    };
  });

  override get lost(): Promise<string> {
    return this.#lost;
  }

  override run(op: KernelOp, attrs: unknown, inputs: Operands, outputs: Operands): void {
    if (this.isLost) throw new Error("the device is lost");
    const [call] = op.kernels!({ inputs: inputs.specs, outputs: outputs.specs, attrs, profile }).calls;
    const { name } = call.shader;
    this.ran.push(name);
    now += costs[name] ?? 1;
    const [x, y] = [inputs, outputs].map(({ memories }) => (memories[0] as { array?: Float64Array }).array!);
    x.forEach((value, i) => {
      const made = behaviours[name](2 * value, i, this);
      if (made !== undefined) y[i] = made;
    });
  }

  override dispose(): void {
    this.isClosed = true;
  }
}

function doubling(familyName: string, names: readonly string[], problem?: string): KernelOp {
  const variantsOf = (): Variants => ({ family: familyName, problem, names });
  return {
    name: familyName,
    infer: ([x]) => [x],
    kernels: ({ profile }: { profile: { choices?: Choices } }) => ({
      calls: [
        { shader: shader(chosen(variantsOf(), profile), ""), sizes: [], operands: [], workgroups: [1, 1, 1] },
      ],
    }),
    variants: variantsOf,
    reference: ([x], _, [out]) => x.data.forEach((value, i) => void (out.data[i] = 2 * value)),
    samples: [],
  };
}

const familyOf = (op: KernelOp, more: Partial<Family> = {}): Family => ({
  name: op.name,
  sources: "",
  isAlwaysChecked: true,
  checks: () => [{ op, inputs: [{ shape: [70] }] }],
  ...more,
});

describe("a tuner", () => {
  let folder: string;
  let trials: TrialBackend[] = [];
  const undo: (() => void)[] = [];
  let others: readonly Family[] = [];
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gradgpu-tuner-"));
    vi.stubEnv("GRADGPU_CACHE", folder);
    vi.spyOn(performance, "now").mockImplementation(() => now);
    warn.mockClear();
    warn.mockImplementation(() => {});
    trials = [];
    behaviours = {};
    costs = {};
    // The engine's own, where some test before has imported them.
    others = registeredFamilies();
    for (const family of others) registerFamily(family)();
  });
  afterEach(() => {
    for (const take of undo.splice(0)) take();
    for (const family of others) registerFamily(family);
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  function register(...families: Family[]): void {
    for (const family of families) undo.push(registerFamily(family));
  }

  async function open(options: TunerOptions = {}, changed: Partial<AdapterProfile> = {}): Promise<Tuner> {
    return Tuner.open(
      { ...info, isSoftware: changed.isSoftware ?? false },
      { ...profile, ...changed },
      async (): Promise<Backend> => {
        const trial = new TrialBackend();
        trials.push(trial);
        return trial;
      },
      options,
    );
  }
  const verdictsOf = ({ choices }: Tuner) => choices.known.verdicts;
  const stored = (): Known => JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), "utf8"));

  it("refuses what is off by more than rounding, however little", async () => {
    behaviours = {
      exact: right,
      rounded: (twice) => twice * (1 + 1e-6),
      thousandth: (twice) => twice * (1 + 1e-3),
      tenThousandth: (twice) => twice + 1e-4,
      onlyOne: (twice, i) => (i === 69 ? twice + 1e-3 : twice),
      notANumber: (twice, i) => (i === 3 ? Number.NaN : twice),
      leftOut: (twice, i) => (i === 5 ? undefined : twice),
      zeros: () => 0,
    };
    register(familyOf(doubling("double", Object.keys(behaviours))));
    const verdicts = verdictsOf(await open());
    for (const [name, verdict] of Object.entries(verdicts)) {
      if (/exact|rounded/.test(name)) expect(verdict).toBe(true);
      else expect(verdict, name).toMatch(/^of \[70\] it makes \S+ of element \d+, which is \S+$/);
    }
    expect(Object.keys(verdicts)).toHaveLength(8);
    expect(warn).toHaveBeenCalledTimes(6);
  });

  it("judges by the largest result, however small that is", async () => {
    behaviours = { exact: right, hundredth: (twice) => twice * 1.01 };
    const op = doubling("double", ["exact", "hundredth"]);
    register(familyOf(op, { checks: () => [{ op, inputs: [{ shape: [70], low: 0, high: 1e-4 }] }] }));
    expect(verdictsOf(await open())).toEqual({
      "double/exact": true,
      "double/hundredth": expect.stringMatching(/^of \[70\] it makes/),
    });
  });

  it("is judged only by the calls that it is offered for", async () => {
    behaviours = { exact: right, small: (twice, i) => (i < 8 ? twice : 0) };
    const variantsOf: KernelOp["variants"] = ({ inputs: [x] }) => ({
      family: "double",
      problem: undefined,
      names: x.shape[0] > 8 ? ["exact"] : ["exact", "small"],
    });
    const op = { ...doubling("double", ["exact", "small"]), variants: variantsOf };
    register(familyOf(op, { checks: () => [8, 70].map((size) => ({ op, inputs: [{ shape: [size] }] })) }));
    expect(verdictsOf(await open())).toEqual({ "double/exact": true, "double/small": true });
  });

  it("takes nothing that was left out for a zero", async () => {
    behaviours = { exact: right, nothing: () => undefined };
    const op = doubling("double", ["exact", "nothing"]);
    register(familyOf(op, { checks: () => [{ op, inputs: [{ shape: [8], low: 0, high: 0 }] }] }));
    expect(verdictsOf(await open())).toEqual({
      "double/exact": true,
      "double/nothing": expect.stringMatching(/makes NaN of element 0, which is 0$/),
    });
  });

  it("keeps what it found, but asks again about what may have been the moment's", async () => {
    let isShort = true;
    behaviours = {
      sound: right,
      refused: () => {
        throw new ShaderError("the shader was refused\n   3 | its line\nand why", { source: "" });
      },
      outOfMemory: (twice) => {
        if (isShort) throw new LimitError("no memory left");
        return twice;
      },
    };
    register(familyOf(doubling("double", ["outOfMemory", "refused", "sound"])));
    expect(verdictsOf(await open())).toEqual({
      "double/sound": true,
      "double/refused": "the shader was refused\nand why",
      "double/outOfMemory": "no memory left",
    });
    expect(Object.keys(stored().verdicts).sort()).toEqual(["double/refused", "double/sound"]);
    isShort = false;
    const again = await open();
    expect(verdictsOf(again)["double/outOfMemory"]).toBe(true);
    expect(trials.at(-1)!.ran).toEqual(["outOfMemory"]);
    // All is known now: no device is opened for it.
    const opened = trials.length;
    await open();
    expect(trials).toHaveLength(opened);
  });

  it("goes on with another device where a check has lost its own, and closes the one it had last", async () => {
    behaviours = {
      fatal: (_twice, _i, backend) => {
        backend.lose("the driver was reset");
        throw new Error("the device was lost");
      },
      fine: right,
      good: right,
    };
    register(familyOf(doubling("first", ["fatal", "fine"])), familyOf(doubling("second", ["good"])));
    const verdicts = verdictsOf(await open());
    expect(verdicts).toEqual({
      "first/fatal": "the device was lost",
      "first/fine": true,
      "second/good": true,
    });
    // All at once, then one by one: the second is lost by the one that is found out.
    expect(trials).toHaveLength(3);
    expect(trials[2].isClosed).toBe(true);
    // Whether it does that each time is not known.
    expect(Object.keys(stored().verdicts).sort()).toEqual(["first/fine", "second/good"]);
  });

  it("asks for all results before it waits for any, and frees what they lay in", async () => {
    behaviours = { one: right, two: right, wrong: () => 7 };
    register(familyOf(doubling("first", ["one", "wrong"])), familyOf(doubling("second", ["two", "one"])));
    let begun = 0;
    const read = vi.spyOn(TrialBackend.prototype, "read").mockImplementation(async function (
      this: TrialBackend,
      ...asked
    ) {
      const round = begun++ < 4 ? 4 : 5;
      const made = await CpuBackend.prototype.read.apply(this, asked);
      await new Promise((resolve) => setTimeout(resolve));
      expect(begun).toBe(round);
      return made;
    });
    expect(verdictsOf(await open())).toEqual({
      "first/one": true,
      "first/wrong": expect.stringMatching(/it makes 7 of element 0/),
      "second/two": true,
      "second/one": true,
    });
    // Who is wrong beside others is asked again alone.
    expect(read).toHaveBeenCalledTimes(5);
    expect(trials).toHaveLength(1);
    expect(trials[0].memoryUse()).toMatchObject({ buffers: 0, bytes: 0 });
  });

  it("tells the first of two mistakes, whichever checks are right", async () => {
    behaviours = { exact: right, off: (twice, i) => (i === 3 ? 7 : twice) };
    const op = doubling("double", ["exact", "off"]);
    const sizes = [2, 70, 80, 3];
    register(familyOf(op, { checks: () => sizes.map((size) => ({ op, inputs: [{ shape: [size] }] })) }));
    expect(verdictsOf(await open())["double/off"]).toMatch(/^of \[70\] it makes 7 of element 3/);
  });

  it("asks those alone whose kernels do not compile, and runs all others once", async () => {
    behaviours = {
      good: right,
      fine: right,
      refused: () => {
        throw new ShaderError("refused, and why", { source: "" });
      },
    };
    register(familyOf(doubling("first", ["good", "refused"])), familyOf(doubling("second", ["fine"])));
    const compiled: string[] = [];
    const trial = new TrialBackend();
    const compileAhead = async (calls: readonly PlannedCall[]) =>
      calls.map(({ op, ...context }) => {
        const { name } = op.kernels!({ ...context, profile }).calls[0].shader;
        compiled.push(name);
        return name !== "refused";
      });
    const backend: Backend = Object.assign(trial, { compileAhead });
    const tuner = await Tuner.open(info, profile, async () => backend, {});
    expect(verdictsOf(tuner)).toEqual({
      "first/good": true,
      "first/refused": "refused, and why",
      "second/fine": true,
    });
    expect(compiled).toEqual(["good", "refused", "fine"]);
    expect(trial.ran).toEqual(["good", "fine", "refused"]);
  });

  it("takes no error for that of a kernel that was under way beside the one at fault", async () => {
    behaviours = { bad: right, good: right, fine: right };
    register(familyOf(doubling("first", ["good", "bad"])), familyOf(doubling("second", ["fine"])));
    // As a device tells of a refused command: whoever reads next hears of it.
    let isPending = false;
    const run = TrialBackend.prototype.run;
    vi.spyOn(TrialBackend.prototype, "run").mockImplementation(function (this: TrialBackend, ...asked) {
      run.apply(this, asked);
      if (this.ran.at(-1) === "bad") isPending = true;
    });
    vi.spyOn(TrialBackend.prototype, "read").mockImplementation(async function (
      this: TrialBackend,
      ...asked
    ) {
      const made = await CpuBackend.prototype.read.apply(this, asked);
      if (isPending) {
        isPending = false;
        throw new DeviceError("a command was refused");
      }
      return made;
    });
    expect(verdictsOf(await open())).toEqual({
      "first/good": true,
      "first/bad": "a command was refused",
      "second/fine": true,
    });
    expect(Object.keys(stored().verdicts).sort()).toEqual(["first/good", "second/fine"]);
  });

  it("asks alone, not wrong, what has no memory beside others", async () => {
    behaviours = { a: right, b: right };
    register(familyOf(doubling("first", ["a", "b"])), familyOf(doubling("second", ["a", "b"])));
    let live = 0;
    const allocate = TrialBackend.prototype.allocate;
    vi.spyOn(TrialBackend.prototype, "allocate").mockImplementation(function (this: TrialBackend, ...asked) {
      if (live === 2) throw new LimitError("no memory left");
      live++;
      const memory = allocate.apply(this, asked);
      const release = memory.release.bind(memory);
      return Object.assign(memory, {
        release: () => {
          live--;
          release();
        },
      });
    });
    const all = { "first/a": true, "first/b": true, "second/a": true, "second/b": true };
    expect(verdictsOf(await open())).toEqual(all);
    expect(live).toBe(0);
  });

  it("waits for all outputs of a run that failed, before the next may be given its error", async () => {
    const run = TrialBackend.prototype.run;
    behaviours = { refused: right, late: right, fine: right };
    // Whoever's read ends next hears of what was refused. One of the first run's reads ends while the second run waits.
    let pending: Error[] = [];
    let reads = 0;
    vi.spyOn(TrialBackend.prototype, "run").mockImplementation(function (this: TrialBackend, ...asked) {
      run.apply(this, asked);
      const name = this.ran.at(-1)!;
      const [x, y] = [asked[2], asked[3]].map(
        ({ memories }) => memories as unknown as { array: Float64Array }[],
      );
      if (name === "fine") y[1].array.set(x[0].array.map((value) => 2 * value));
      else pending.push(new LimitError(`${name}: no memory left`));
    });
    vi.spyOn(TrialBackend.prototype, "read").mockImplementation(async function (
      this: TrialBackend,
      ...asked
    ) {
      const delay = this.ran.at(-1) === "refused" ? 1 + (reads++ % 2) * 10 : 30;
      const made = await CpuBackend.prototype.read.apply(this, asked);
      await new Promise((resolve) => setTimeout(resolve, delay));
      const [error] = pending;
      pending = [];
      if (error !== undefined) throw error;
      return made;
    });
    const one = doubling("double", ["refused", "late", "fine"]);
    const twice: KernelOp = {
      ...one,
      infer: ([x]) => [x, x],
      reference: ([x], _, outputs) => {
        for (const { data } of outputs)
          (data as Float64Array).set((x.data as Float64Array).map((value) => 2 * value));
      },
    };
    register(familyOf(twice));
    expect(verdictsOf(await open())).toEqual({
      "double/refused": "refused: no memory left",
      "double/late": "late: no memory left",
      "double/fine": true,
    });
    expect(Object.keys(stored().verdicts)).toEqual(["double/fine"]);
  });

  it("does not hold one family's fault against another that computes by it", async () => {
    behaviours = { broken: () => 7, whole: right };
    const first = doubling("first", ["broken", "whole"]);
    // Whatever variant it has itself, it runs what is chosen of the other family.
    const second: KernelOp = {
      ...doubling("second", ["through"]),
      kernels: ({ profile }) => ({
        calls: [
          {
            shader: shader(chosen(first.variants!({} as never)!, profile), ""),
            sizes: [],
            operands: [],
            workgroups: [1, 1, 1],
          },
        ],
      }),
    };
    register(familyOf(first), familyOf(second));
    expect(verdictsOf(await open())).toEqual({
      "first/broken": expect.stringMatching(/makes 7/),
      "first/whole": true,
      "second/through": true,
    });
  });

  it("checks all that may be chosen on GPUs, and until one is sound where compiling takes long", async () => {
    behaviours = { wrong: () => 7, sound: right, other: right };
    register(familyOf(doubling("double", ["wrong", "sound", "other"])));
    expect(Object.keys(verdictsOf(await open()))).toHaveLength(3);
    rmSync(join(folder, readdirSync(folder)[0]));
    expect(Object.keys(verdictsOf(await open({}, { isSoftware: true })))).toEqual([
      "double/wrong",
      "double/sound",
    ]);
  });

  it("leaves out what tests run on the driver, unless more than WGSL decides", async () => {
    behaviours = { sound: right };
    register(
      familyOf(doubling("first", ["sound"]), { isAlwaysChecked: false }),
      familyOf(doubling("second", ["sound"])),
    );
    const tested = {
      ...info,
      isSoftware: true,
      driver: "llvmpipe: Mesa 25.0.7-2 (LLVM 15.0.6)",
    };
    expect(isTested(tested)).toBe(true);
    expect(isTested({ ...tested, isSoftware: false })).toBe(false);
    expect(isTested({ ...tested, driver: "llvmpipe: Mesa 25.0.8 (LLVM 15.0.6)" })).toBe(false);
    expect(isTested({ ...tested, driver: "SwiftShader driver 5.0.0" })).toBe(true);
    expect(isTested({ ...tested, driver: "Another SwiftShader driver 5.0.0" })).toBe(false);
    const inPages = { ...tested, driver: "", adapter: "swiftshader" };
    expect(isTested(inPages)).toBe(true);
    expect(isTested({ ...inPages, adapter: "rdna-3" })).toBe(false);
    expect(isTested({ ...inPages, isSoftware: false })).toBe(false);
    const tuner = await Tuner.open(tested, profile, async () => new TrialBackend(), {});
    expect(Object.keys(tuner.choices.known.verdicts)).toEqual(["second/sound"]);
  });

  describe("that measures", () => {
    const calls = (op: KernelOp, shape = [100]) => [
      { op, inputs: [{ shape, dtype: "f32" as const }], attrs: {} },
    ];

    it("uses the quickest that is sound, if it saves more than noise, and keeps it", async () => {
      behaviours = { favourite: right, quick: right, wrong: () => 1 };
      costs = { favourite: 10, quick: 6, wrong: 1 };
      const op = doubling("double", ["favourite", "quick", "wrong"], "100");
      register(familyOf(op));
      const tuner = await open();
      let changes = 0;
      tuner.choices.onChange = () => void changes++;
      expect(await tuner.tune(calls(op))).toBe(true);
      expect(changes).toBe(1);
      const { chosen: name, ms } = tuner.choices.known.measured["double: 100"];
      expect(name).toBe("quick");
      expect(ms.favourite).toBeCloseTo(10, 6);
      expect(ms.quick).toBeCloseTo(6, 6);
      expect(Object.keys(ms)).toEqual(["favourite", "quick"]);
      expect(stored().measured["double: 100"].chosen).toBe("quick");
      // Known: nothing is measured again.
      expect(await tuner.tune(calls(op))).toBe(false);
      expect(changes).toBe(1);
      const again = await open();
      expect(again.choices.choose({ family: "double", problem: "100", names: ["favourite", "quick"] })).toBe(
        "quick",
      );
    });

    it("takes many runs for a sample where one is short, and no more than it must", async () => {
      behaviours = { favourite: right, quick: right };
      costs = { favourite: 2, quick: 1 };
      const op = doubling("double", ["favourite", "quick"], "100");
      register(familyOf(op));
      const tuner = await open();
      await tuner.tune(calls(op));
      expect(tuner.choices.known.measured["double: 100"].ms).toEqual({ favourite: 2, quick: 1 });
      expect(trials.at(-1)!.ran.length).toBeLessThan(40);
    });

    it("measures none that alone is sound", async () => {
      behaviours = { favourite: right, wrong: () => 1 };
      const op = doubling("double", ["favourite", "wrong"], "100");
      register(familyOf(op));
      const tuner = await open();
      expect(await tuner.tune(calls(op))).toBe(false);
      expect(tuner.choices.known.measured).toEqual({});
    });

    it("leaves the favourite where another saves next to nothing", async () => {
      behaviours = { favourite: right, other: right };
      costs = { favourite: 10, other: 9.7 };
      const op = doubling("double", ["favourite", "other"], "100");
      register(familyOf(op));
      const tuner = await open();
      await tuner.tune(calls(op));
      expect(tuner.choices.known.measured["double: 100"].chosen).toBe("favourite");
    });

    it("does not where it is off, where programs shall be deterministic, or nothing is to choose", async () => {
      behaviours = { favourite: right, quick: right };
      costs = { favourite: 10, quick: 1 };
      const op = doubling("double", ["favourite", "quick"], "100");
      register(familyOf(op));
      for (const [options, changed] of [
        [{ autotune: false }, {}],
        [{ deterministic: true, autotune: true }, {}],
        [{}, { isSoftware: true }],
      ] as const) {
        const tuner = await open(options, changed);
        expect(tuner.choices.usesMeasured).toBe(false);
        expect(await tuner.tune(calls(op))).toBe(false);
        // What was measured before does not count then.
        tuner.choices.known.measured["double: 100"] = { chosen: "quick", ms: {} };
        const asked = { family: "double", problem: "100", names: ["favourite", "quick"] };
        expect(tuner.choices.choose(asked)).toBe("favourite");
      }
      const tuner = await open();
      for (const idle of [
        doubling("double", ["favourite", "quick"]),
        doubling("double", ["favourite"], "100"),
      ])
        expect(await tuner.tune(calls(idle))).toBe(false);
      expect(tuner.choices.known.measured).toEqual({});
    });

    it("ends after a while, with what has most to choose from done first", async () => {
      behaviours = { a: right, b: right, c: right };
      costs = { a: 2000, b: 2000, c: 2000 };
      const [two, three] = [doubling("first", ["a", "b"], "1"), doubling("second", ["a", "b", "c"], "1")];
      register(familyOf(two), familyOf(three));
      const tuner = await open();
      await tuner.tune([...calls(two), ...calls(three)]);
      expect(Object.keys(tuner.choices.known.measured)).toEqual(["second: 1"]);
    });

    it("measures nothing that fails, and goes on", async () => {
      let isMeasuring = false;
      behaviours = {
        a: (twice) => {
          if (isMeasuring) throw new LimitError("does not fit twice");
          return twice;
        },
        b: right,
      };
      const op = doubling("double", ["a", "b"], "100");
      register(familyOf(op));
      const tuner = await open();
      isMeasuring = true;
      expect(await tuner.tune(calls(op))).toBe(false);
      expect(tuner.choices.known.measured).toEqual({});
      expect(trials.at(-1)!.memoryUse()).toMatchObject({ buffers: 0, bytes: 0 });
    });

    it("does not hold more memory than it needs, and frees it", async () => {
      behaviours = { a: right, b: right };
      const op = doubling("double", ["a", "b"], "100");
      register(familyOf(op));
      const tuner = await open();
      await tuner.tune(calls(op));
      for (const trial of trials) {
        expect(trial.memoryUse()).toMatchObject({ buffers: 0, bytes: 0 });
        expect(trial.isClosed).toBe(true);
      }
    });
  });
});

describe("choices", () => {
  const names = new Map([["double", ["one", "two", "three"]]]);
  const asked = { family: "double", problem: "100", names: ["one", "two"] };

  it("are pinned, else measured, else the favourite, of what is sound or not tried", () => {
    const known: Known = {
      verdicts: { "double/three": "wrong" },
      measured: { "double: 100": { chosen: "two", ms: { one: 2, two: 1 } } },
    };
    const choices = new VariantChoices("an adapter", names, known, true);
    let changes = 0;
    choices.onChange = () => void changes++;
    expect(choices.choose(asked)).toBe("two");
    expect(choices.choose({ ...asked, problem: "200" })).toBe("one");
    expect(choices.choose({ ...asked, problem: undefined })).toBe("one");
    choices.pin("double", "one");
    expect(choices.choose(asked)).toBe("one");
    expect(changes).toBe(1);
    expect(() => choices.pin("double", "three")).toThrow(/"three" is not used on this adapter: wrong/);
    choices.pin("double", undefined);
    expect(changes).toBe(2);
    expect(choices.choose(asked)).toBe("two");
    expect(new VariantChoices("an adapter", names, known, false).choose(asked)).toBe("one");
    known.verdicts["double/one"] = "broken for now";
    expect(choices.choose({ ...asked, problem: "200" })).toBe("two");
    known.verdicts["double/one"] = true;
    known.verdicts["double/two"] = "broken since";
    expect(choices.choose(asked)).toBe("one");
    known.verdicts["double/one"] = "broken, too";
    expect(() => choices.choose(asked)).toThrow(
      /no variant works on an adapter\n {2}one: broken, too\n {2}two: broken since/,
    );
  });

  it("are those of an earlier run before what was measured since, where they can be, but for a pin", () => {
    const measured = { "double: 100": { chosen: "two", ms: { one: 2, two: 1 } } };
    const choices = new VariantChoices("an adapter", names, { verdicts: {}, measured }, true);
    let changes = 0;
    choices.onChange = () => void changes++;
    choices.keepUsed({ "double: 100": "one", "double: 200": "gone" });
    expect(changes).toBe(1);
    expect(choices.choose(asked)).toBe("one");
    expect(choices.choose({ ...asked, problem: "200" })).toBe("one");
    expect(choices.used).toEqual({ "double: 100": "one", "double: 200": "one" });
    choices.pin("double", "two");
    expect(choices.choose(asked)).toBe("two");
  });

  it("are printed by family, with what was measured of it alone", () => {
    const known: Known = {
      verdicts: { "double/one": true, "double/three": "wrong" },
      measured: {
        "double: 100": { chosen: "two", ms: { one: 2, two: 1.2345 } },
        "doubles: 100": { chosen: "other", ms: {} },
      },
    };
    const variants = new VariantChoices("an adapter", names, known, true);
    expect(showVariants({ variants } as Device)).toBe(
      [
        "kernel variants on an adapter",
        "double: measured, else as the adapter's profile says",
        "  one  sound",
        "  two  not tried",
        "  three  wrong",
        "  100: two, of one 2.00 ms, two 1.23 ms",
      ].join("\n"),
    );
  });

  it("share a problem up to the same power of two", () => {
    expect([0, 1, 2, 3, 4, 5, 100, 128, 129].map(powerOfTwo)).toEqual([1, 1, 2, 4, 4, 8, 128, 128, 256]);
  });
});

describe("the store", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gradgpu-store-"));
    vi.stubEnv("GRADGPU_CACHE", folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const known: Known = {
    verdicts: { "double/one": true },
    measured: { "double: 1": { chosen: "one", ms: { one: 1 } } },
  };

  it("gives back what was kept under the same key, and nothing under another", async () => {
    await save("a key", known);
    expect(await load("a key")).toEqual(known);
    expect(await load("another key")).toBeUndefined();
    // The same file, if two keys should ever share one.
    const [file] = readdirSync(folder);
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^kernels-[0-9a-f]{8}\.json$/)]);
    writeFileSync(join(folder, file), JSON.stringify({ ...known, key: "another key" }));
    expect(await load("a key")).toBeUndefined();
    writeFileSync(join(folder, file), "{ half");
    expect(await load("a key")).toBeUndefined();
  });

  it("leaves nothing behind where a file can't take its place, and does not read what it can't have written", async () => {
    await save("a key", known);
    const [name] = readdirSync(folder);
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify({ ...known, key: "a key" }) + " ".repeat(2 ** 24));
    expect(await load("a key")).toBeUndefined();
    rmSync(file);
    mkdirSync(file);
    await save("a key", known);
    expect(readdirSync(folder)).toEqual([name]);
    expect(await load("a key")).toBeUndefined();
  });

  it("is elsewhere for another adapter, driver, feature and kernel, and can be switched off", async () => {
    const take = registerFamily(familyOf(doubling("double", ["one"]), { sources: "text" }));
    const keys = [
      keyFor(info),
      keyFor({ ...info, adapter: "another" }),
      keyFor({ ...info, driver: "version 2" }),
      keyFor({ ...info, features: ["one", "two"] }),
    ];
    take();
    for (const family of [{ sources: "tex2" }, { name: "doubled", sources: "text" }]) {
      const takeBack = registerFamily(familyOf(doubling("double", ["one"]), family));
      keys.push(keyFor(info));
      takeBack();
    }
    expect(new Set(keys).size).toBe(keys.length);
    vi.stubEnv("GRADGPU_CACHE", "off");
    await save("a key", known);
    expect(await load("a key")).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    for (const empty of [undefined, ""]) {
      vi.stubEnv("GRADGPU_CACHE", empty);
      vi.stubEnv("XDG_CACHE_HOME", join(folder, `xdg${empty}`));
      await save("a key", known);
      expect(readdirSync(join(folder, `xdg${empty}`, "gradgpu"))).toHaveLength(1);
    }
  });
});
