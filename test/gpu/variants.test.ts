// Kernels in variants: broken ones are found when a device is opened and the next one serves, what is measured is used
// and kept, and choices can be printed, pinned and switched off.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { sizeOf } from "../../engine/base/shape.ts";
import {
  ArgumentError,
  type Device,
  init,
  jit,
  ShaderError,
  setDevice,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { showVariants } from "../../engine/inspect/show-variants.ts";
import { input, type KernelPlan, output, shader, type Variants } from "../../engine/kernel/kernel.ts";
import { chosen, type Family, registerFamily } from "../../engine/kernel/variants.ts";
import { matmul } from "../../engine/ops/matmul/matmul.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { notDifferentiable, type Op } from "../../engine/tensor/op.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";
import { blocksOf, runSnippet } from "../support/doc-snippets.ts";
import { sampled } from "../support/sampled.ts";

const kernel = (body: string) => `struct Sizes { count: u32, rounds: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out0: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < sizes.count) { ${body} }
}`;

/** What each variant of `double` does. */
const bodies: Record<string, string> = {
  refused: "out0[i] = in0[i] * two;",
  wrong: "out0[i] = in0[i] * 2.0 + 1.0;",
  partial: "if (i + 1u < sizes.count) { out0[i] = in0[i] * 2.0; }",
  slow: "var sum = in0[i]; for (var r = 0u; r < sizes.rounds; r++) { sum = sum * 0.5 + in0[i] * 0.5; } out0[i] = sum * 2.0;",
  quick: "out0[i] = in0[i] * 2.0;",
};

let offered: string[] = [];

function planOf(name: string, count: number): KernelPlan {
  return {
    calls: [
      {
        shader: shader(`double-${name}`, kernel(bodies[name])),
        sizes: [count, 3000],
        operands: [input(0), output(0)],
        workgroups: [Math.ceil(count / 64), 1, 1],
      },
    ],
  };
}

const variantsFor = (count: number): Variants => ({
  family: "double",
  problem: `${count}`,
  names: offered,
});

const double: Op<object> = {
  name: "double",
  infer: ([x]) => [x],
  kernels: ({ inputs: [x], profile }) => {
    const count = sizeOf(x.shape);
    return planOf(chosen(variantsFor(count), profile), count);
  },
  variants: ({ inputs: [x] }) => variantsFor(sizeOf(x.shape)),
  reference: ([x], _, [out]) => {
    x.data.forEach((value, i) => {
      out.data[i] = 2 * value;
    });
  },
  vjp: notDifferentiable("it is for a test"),
  saves: {},
  samples: [],
};

const family: Family = {
  name: "double",
  sources: "of the test",
  isAlwaysChecked: true,
  checks: () => [{ op: double, inputs: [{ shape: [70] }] }],
};

const doubled = (x: Tensor): Tensor => apply(double, [x], {})[0];

describe("kernel variants", () => {
  let folder: string;
  let devices: Device[] = [];
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});

  let unregister: () => void;
  let usual: Device;
  beforeAll(async () => {
    usual = await gpuDevice();
    unregister = registerFamily(family);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gradgpu-variants-"));
    vi.stubEnv("GRADGPU_CACHE", folder);
    warn.mockClear();
  });
  afterEach(() => {
    for (const device of devices) device.dispose();
    devices = [];
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
    setDevice(usual);
  });
  afterAll(() => {
    unregister();
    warn.mockRestore();
  });

  async function open(options: Parameters<typeof init>[0] = {}): Promise<Device> {
    const device = await init({ device: "webgpu", ...options });
    devices.push(device);
    return device;
  }

  const isRight = async (device: Device): Promise<boolean> => {
    const x = tensor([1, -2, 3.5], { device });
    const y = doubled(x);
    const got = Array.from(await y.data());
    x.dispose();
    y.dispose();
    return got.join() === "2,-4,7";
  };

  const warnings = () =>
    warn.mock.calls.map(([text]) => String(text)).filter((text) => text.includes("double"));

  it("are dropped, with a warning that names them, where they do not compile or compute something else", async () => {
    offered = ["refused", "wrong", "partial", "quick"];
    const device = await open();
    expect(await isRight(device)).toBe(true);
    expect(warnings()).toHaveLength(3);
    expect(warnings()[0]).toMatch(/double\/refused is not used on .*: .*the shader was refused/s);
    expect(warnings()[1]).toMatch(
      /double\/wrong is not used on .*: of \[70\] it makes .* of element 0, which is/,
    );
    expect(warnings()[2]).toMatch(/double\/partial .* it makes NaN of element 69/);
    const table = showVariants(device);
    expect(table).toMatch(/double: .*\n {2}refused {2}.*\n(.*\n)* {2}quick {2}sound/);
    expect(table).toMatch(/matmul: .*\n {2}(subgroup|tile|shared)-\d+x\d+ {2}sound/);
  });

  it("are checked beside the device, which sees nothing of it", async () => {
    offered = ["wrong", "quick"];
    const device = await open();
    const { dispatches, pipelines, uploads } = device.counters();
    expect({ dispatches, pipelines, uploads }).toEqual({ dispatches: 0, pipelines: 0, uploads: 0 });
    expect(device.memory()).toMatchObject({ tensors: 0, buffers: 0 });
  });

  it("are checked once: the next device knows, and says so again", async () => {
    offered = ["wrong", "quick"];
    await open();
    expect(readdirSync(folder)).toHaveLength(1);
    const text = readFileSync(join(folder, readdirSync(folder)[0]), "utf8");
    expect(JSON.parse(text).verdicts).toMatchObject({ "double/quick": true });
    // Would be found sound now, if it were checked.
    const body = bodies.wrong;
    bodies.wrong = bodies.quick;
    try {
      const again = await open();
      expect(warnings()).toHaveLength(2);
      expect(showVariants(again)).toMatch(/wrong {2}of \[70\]/);
    } finally {
      bodies.wrong = body;
    }
  });

  it("do without a store: one that holds something else, or cannot be written", async () => {
    offered = ["wrong", "quick"];
    await open();
    const file = join(folder, readdirSync(folder)[0]);
    for (const text of [
      "{ not JSON",
      "null",
      JSON.stringify({ key: "of another driver", verdicts: { "double/quick": "no" } }),
    ]) {
      writeFileSync(file, text);
      expect(await isRight(await open())).toBe(true);
    }
    // A folder that cannot be made, since a file is in its way.
    vi.stubEnv("GRADGPU_CACHE", join(file, "inside"));
    expect(await isRight(await open())).toBe(true);
    vi.stubEnv("GRADGPU_CACHE", "off");
    expect(await isRight(await open())).toBe(true);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it("do without a store that is damaged, whatever it holds, and replace it", async () => {
    offered = ["wrong", "quick"];
    await open();
    const file = join(folder, readdirSync(folder)[0]);
    const { key, verdicts } = JSON.parse(readFileSync(file, "utf8"));
    const measured = { "double: 3": { chosen: "quick", ms: { slow: 2, quick: 1 } } };
    const damaged: unknown[] = [
      { key },
      { key, verdicts: null, measured: {} },
      { key, verdicts: [], measured: {} },
      { key, verdicts, measured: null },
      { key, verdicts, measured: 3 },
      { key, verdicts, measured: "none" },
      { key, verdicts: { ...verdicts, "double/quick": null }, measured },
      { key, verdicts: { ...verdicts, "double/quick": false }, measured },
      { key, verdicts: { ...verdicts, "double/quick": { no: 1 } }, measured },
      { key, verdicts, measured: { "double: 3": null } },
      { key, verdicts, measured: { "double: 3": { chosen: "quick" } } },
      { key, verdicts, measured: { "double: 3": { chosen: 1, ms: {} } } },
      { key, verdicts, measured: { "double: 3": { chosen: "quick", ms: { quick: "1" } } } },
      { key, verdicts, measured: { "double: 3": { chosen: "quick", ms: null } } },
      [key],
    ];
    const texts = [...damaged.map((value) => JSON.stringify(value)), "", "[".repeat(100_000), "\0\0\0"];
    for (const text of sampled(texts)) {
      writeFileSync(file, text);
      const device = await open();
      expect(await isRight(device), text.slice(0, 200)).toBe(true);
      showVariants(device);
      expect(JSON.parse(readFileSync(file, "utf8")), text.slice(0, 200)).toMatchObject({ key, verdicts });
      device.dispose();
    }
    // What is whole is used as it is.
    writeFileSync(file, JSON.stringify({ key, verdicts, measured }));
    expect((await open()).variants!.known.measured).toEqual(measured);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it("leave nothing beside the store where it can't be written, and show what it says without control characters", async () => {
    offered = ["wrong", "quick"];
    await open();
    const file = join(folder, readdirSync(folder)[0]);
    const stored = JSON.parse(readFileSync(file, "utf8"));
    stored.verdicts["double/wrong"] = "\x1b[2Jcleared\nand more";
    writeFileSync(file, JSON.stringify(stored));
    warn.mockClear();
    await open();
    expect(warnings()[0]).toMatch(/: \\x1b\[2Jcleared\nand more$/);
    rmSync(file);
    // In the place of the file stands a folder: it is written beside, and can't be moved there.
    mkdirSync(file);
    expect(await isRight(await open())).toBe(true);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it("fail at the call when none is left, with the reason for each", async () => {
    offered = ["wrong", "partial"];
    const device = await open();
    expect(() => doubled(tensor([1], { device }))).toThrow(ShaderError);
    expect(() => doubled(tensor([1], { device }))).toThrow(
      /double: no variant works .*wrong: .*\n.*partial: /s,
    );
  });

  it("are measured in a warm-up where that is switched on, and the quickest is used and kept", async () => {
    offered = ["slow", "quick"];
    const device = await open({ autotune: true });
    const traced = jit(doubled);
    const x = tensor(new Float32Array(100_000).fill(1.5), { device });
    await traced.warmUp(x);
    expect(showVariants(device)).toMatch(/100000: quick, of slow .* ms, quick .* ms/);
    const y = traced(x);
    expect((await y.data()).every((value) => value === 3)).toBe(true);
    const [program] = traced.programs.values();
    expect(JSON.stringify(program.plan.steps)).toContain("double-quick");
    // Kept: a device that does not measure anew has it.
    offered = ["slow", "quick"];
    const other = await open({ autotune: true });
    const plan = double.kernels!({
      inputs: [x],
      outputs: [x],
      attrs: {},
      profile: other.backend.profile!,
    });
    expect(plan.calls[0].shader.name).toBe("double-quick");
    traced.dispose();
  });

  it("are not measured by default on a software adapter, nor when switched off, nor in a deterministic program", async () => {
    offered = ["slow", "quick"];
    const known = { verdicts: {}, measured: { "double: 3": { chosen: "quick", ms: { slow: 2, quick: 1 } } } };
    for (const options of [{ autotune: false }, { autotune: true, deterministic: true }, {}]) {
      const device = await open(options);
      if (options.autotune === undefined && !device.info.isSoftware) continue;
      Object.assign(device.variants!.known.measured, known.measured);
      const traced = jit(doubled);
      await traced.warmUp(tensor([1, 2, 3], { device }));
      const [program] = traced.programs.values();
      expect(JSON.stringify(program.plan.steps)).toContain("double-slow");
      expect(showVariants(device)).toMatch(/as the adapter's profile says/);
      traced.dispose();
    }
  });

  it("can be pinned, and let go", async () => {
    offered = ["quick", "slow", "wrong"];
    const device = await open();
    const { variants } = device;
    const nameNow = () => variants!.choose(variantsFor(3));
    expect(nameNow()).toBe("quick");
    variants!.pin("double", "slow");
    expect(nameNow()).toBe("slow");
    expect(await isRight(device)).toBe(true);
    expect(showVariants(device)).toMatch(/double: pinned to slow/);
    // One that cannot compute what is asked is passed over.
    expect(variants!.choose({ ...variantsFor(3), names: ["quick"] })).toBe("quick");
    variants!.pin("double", undefined);
    expect(nameNow()).toBe("quick");
    expect(() => variants!.pin("double", "fast")).toThrow(ArgumentError);
    expect(() => variants!.pin("double", "fast")).toThrow(/double has no variant "fast" .*"quick", "slow"/);
    expect(() => variants!.pin("triple", "quick")).toThrow(/no kernel family is called "triple".*"matmul"/);
  });

  it("are shown in docs/variants.md by a program that runs", async () => {
    const [{ code }] = blocksOf("docs/variants.md");
    const printed = await runSnippet(code);
    expect(printed).toMatch(/^kernel variants on .*\n(.*\n)*matmul: measured, else/);
    expect(printed).toMatch(/\n {2}A B 64x64x64: \S+, of (\S+ [\d.e-]+ ms(, )?){2,}\n(.*\n)*16\n$/);
  });

  it("of matmul give the same product whichever is pinned", async () => {
    offered = ["quick"];
    const device = await open();
    const names = [...showVariants(device).matchAll(/^ {2}(\S+-\d+x\d+) {2}/gm)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(1);
    const [m, k, n] = [37, 129, 21];
    const a = tensor(
      Float32Array.from({ length: m * k }, (_, i) => Math.sin(i)),
      { shape: [m, k], device },
    );
    const b = tensor(
      Float32Array.from({ length: k * n }, (_, i) => Math.cos(i)),
      { shape: [k, n], device },
    );
    const results: Float32Array[] = [];
    for (const name of names) {
      device.variants!.pin("matmul", name);
      results.push((await matmul(a, b).data()) as Float32Array);
    }
    for (const result of results.slice(1)) expectCloseArrays(result, results[0], 1e-4, "pinned");
  });
});
