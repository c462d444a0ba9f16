// The built ops against the sources': the same kernels to the last token, though their shaders are minified, and the same
// reference results.

import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import * as source from "../../engine/index.ts";
import type { AdapterProfile, KernelPlan, Spec } from "../../engine/kernel/kernel.ts";
import type { KernelOp, SampleInput } from "../../engine/kernel/kernel-op.ts";
import { specialize } from "../../engine/kernel/specialize.ts";
import { minifyWgsl } from "../../scripts/build/wgsl.mjs";
import { packed } from "../support/packed.ts";

const { folder } = await packed();
const load = (name: string) =>
  import(/* @vite-ignore */ pathToFileURL(path.join(folder, "node_modules", "gradgpu", "dist", name)).href);

const opsOf = (face: object): Map<string, KernelOp> => {
  const found = new Map<string, KernelOp>();
  for (const [name, value] of Object.entries(face)) {
    const { op } = (value ?? {}) as { op?: KernelOp };
    if (typeof value === "function" && op?.infer !== undefined) found.set(name, op);
  }
  return found;
};

const profiles: AdapterProfile[] = [
  { isSoftware: true, subgroupSize: 8, hasF16: false, workgroupTarget: 64 },
  { isSoftware: false, subgroupSize: 32, hasF16: true, workgroupTarget: 2048 },
].map((profile) => ({
  ...profile,
  matrixUnit: undefined,
  maxWorkgroupsPerDimension: 65_535,
  maxStorageBuffers: 8,
}));

const specOf = ({ shape, dtype = "f32" }: SampleInput): Spec => ({ shape, dtype });

function valuesOf({ shape, values, low = -1, high = 1, dtype = "f32" }: SampleInput): Float64Array {
  const count = shape.reduce((product, length) => product * length, 1);
  if (values !== undefined) return Float64Array.from(values);
  const round = dtype === "f32" ? Math.fround : Math.floor;
  return Float64Array.from({ length: count }, (_, i) => round(low + ((high - low) * ((i * 7919) % 97)) / 97));
}

/** Everything about a plan but how its shaders are spaced. */
const described = (plan: KernelPlan) => ({
  ...plan,
  calls: plan.calls.map(({ shader, hooks, ...call }) => ({
    ...call,
    shader: shader.name,
    text: minifyWgsl(specialize(shader, hooks)),
  })),
});

describe("the built ops", async () => {
  const built = opsOf(await load("index.js"));
  const own = opsOf(source);

  it("are the sources'", () => {
    expect(own.size).toBeGreaterThan(100);
    expect([...built.keys()].sort()).toEqual([...own.keys()].sort());
  });

  it.each([...own.keys()])("%s has the sources' kernels and reference", (name) => {
    const [op, other] = [own.get(name)!, built.get(name)!];
    let compared = 0;
    for (const { inputs, attrs = {} } of op.samples) {
      const specs = inputs.map(specOf);
      const outputs = op.infer(specs, attrs);
      expect(other.infer(specs, attrs)).toEqual(outputs);
      for (const profile of profiles) {
        const context = { inputs: specs, outputs, attrs, profile };
        const plan = op.kernels?.(context);
        compared += plan?.calls.length ?? 0;
        if (plan !== undefined) expect(described(other.kernels!(context))).toEqual(described(plan));
        expect(other.variants?.(context)).toEqual(op.variants?.(context));
      }
      if (op.reference === undefined || op.lacksReference) continue;
      const [want, got] = [op, other].map((each) => {
        const results = outputs.map((spec) => ({
          ...spec,
          data: new Float64Array(spec.shape.reduce((product, length) => product * length, 1)),
        }));
        each.reference!(
          inputs.map((input) => ({ ...specOf(input), data: valuesOf(input) })),
          attrs,
          results,
        );
        return results;
      });
      expect(got).toEqual(want);
      compared++;
    }
    expect(compared > 0 || op.kernels === undefined).toBe(true);
  });
});
