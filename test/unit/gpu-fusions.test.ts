// Fusions beside the report's bound: the plan without one really lacks it, what it saves is counted by hand, and no
// fusion of the reference nets costs a GPU more than is let pass by what docs/gpu.json records.

import fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { netNamed, nets } from "../../bench/cases/nets.ts";
import {
  type FusionSummary,
  fusionLines,
  mostFusionCost,
  summaryOf,
} from "../../bench/gpu-report/fusion-page.ts";
import { fusedStep, fusionsOn, Kernels } from "../../bench/gpu-report/fusion-times.ts";
import {
  fusionsOf,
  type Planned,
  planUnfused,
  planWithout,
  unitsWithout,
} from "../../bench/gpu-report/fusions.ts";
import { gpus } from "../../bench/gpu-report/gpus.ts";
import { casesOf, codeKey } from "../../bench/gpu-report/kernels.ts";
import type { Compiled } from "../../bench/gpu-report/log.ts";
import { withStep } from "../../bench/gpu-report/net-steps.ts";
import { gpuProfile, planningDevice } from "../../bench/gpu-report/planning.ts";
import type { Plan } from "../../engine/backend/program.ts";
import { add, type Device, jit, ones, relu, setDevice, sum, type Tensor } from "../../engine/index.ts";

const navi31 = gpus.find(({ name }) => name === "navi31")!;

let device: Device | undefined;
afterEach(() => {
  device?.dispose();
  device = undefined;
});

function planned(fn: (x: Tensor, y: Tensor) => Tensor | Tensor[], shape: number[], other = [1]): Planned {
  device = planningDevice(gpuProfile, () => {});
  setDevice(device);
  const traced = jit(fn);
  traced(ones(shape), ones(other));
  const [{ graph }] = traced.programs.values();
  return { graph, layout: device.backend, profile: gpuProfile };
}

/** Of a kernel that its bytes bind: no machine code is known of it. */
const byBytes: Compiled = {
  name: "",
  threads: 64,
  code: [],
  statistics: {},
};

const kernelsOf = (plan: Plan) => casesOf("", plan).map((each) => [each.name, codeKey(each), each.work]);

describe("a training step", () => {
  it("without a fusion has its two nodes in different kernels, and all fusions are jit's", async () => {
    const counts = await withStep(netNamed("N1"), gpuProfile, (program, planned) => {
      const { fusions, plan } = fusionsOf(planned);
      expect(kernelsOf(plan)).toEqual(kernelsOf(program.plan));
      const together = (
        { pair }: (typeof fusions)[number],
        units: readonly { readonly nodes: unknown[] }[],
      ) => units.some(({ nodes }) => pair.every((node) => nodes.includes(node)));
      for (const fusion of fusions) {
        expect(together(fusion, program.fused.units), fusion.name).toBe(true);
        expect(together(fusion, unitsWithout(planned, fusion)), `without ${fusion.name}`).toBe(false);
      }
      // A fusion makes one of two, so that as many as there are stand between all nodes and their kernels.
      expect(program.graph.nodes.length - fusions.length).toBe(program.fused.units.length);
      const unfused = planUnfused(planned).steps.length;
      expect(unfused).toBeGreaterThan(plan.steps.length);
      const counted = fusions.map((fusion) => planWithout(planned, fusion).steps.length);
      expect(Math.max(...counted)).toBeGreaterThan(plan.steps.length);
      // None stands in the way of another one that would save more.
      expect(Math.min(...counted)).toBeGreaterThanOrEqual(plan.steps.length);
      expect(Math.max(...counted)).toBeLessThan(unfused);
      return new Set(fusions.map(({ pass }) => pass));
    });
    expect([...counts].sort()).toEqual(["beside", "chain", "companion", "epilogue"]);
  });
});

describe("what a fusion saves", () => {
  it("is a dispatch, a barrier, and what is written and read again", () => {
    const size = 2 ** 20;
    const kernels = new Kernels();
    const program = planned((x) => relu(add(x, 1)), [size]);
    const step = fusedStep("two", program, kernels);
    const [on] = fusionsOn(navi31, { steps: [step], cases: kernels.cases }, () => byBytes);
    const pass = (2 * 4 * size) / navi31.memoryGBs / 1e3;
    expect(on).toMatchObject({ net: "two", gpu: "navi31", dispatches: 1, unfusedDispatches: 2 });
    expect(on.microseconds).toBeCloseTo(5 + pass, 6);
    expect(on.unfusedMicroseconds).toBeCloseTo(2 * 5 + 2 + 2 * pass, 6);
    expect(on.savings).toHaveLength(1);
    expect(on.savings[0]).toMatchObject({ pass: "chain", name: "add & relu", dispatches: 1 });
    expect(on.savings[0].microseconds).toBeCloseTo(5 + 2 + pass, 6);
    expect(on.savings[0].inKernels).toBeCloseTo(pass, 6);
  });

  it("is less than nothing where the code of the fused kernel is the slower", () => {
    const kernels = new Kernels();
    const step = fusedStep(
      "rows",
      planned((x) => sum(relu(x), 1), [4096, 64]),
      kernels,
    );
    const { fused } = step;
    const slow = new Set(fused.kernels.map(({ number }) => codeKey(kernels.cases[number])));
    // A hundred thousand vector instructions, where nothing is known of the other kernels.
    const code = ["BB0:", ...new Array<string>(100_000).fill("\tv_add_f32_e32 v0, v1, v2")];
    const compiledOf = (key: string) => (slow.has(key) ? { ...byBytes, code } : byBytes);
    const [on] = fusionsOn(navi31, { steps: [step], cases: kernels.cases }, compiledOf);
    expect(on.savings).toHaveLength(1);
    expect(on.savings[0].microseconds).toBeLessThan(0);
    const summary = summaryOf(on);
    expect(summary).toMatchObject({ fusions: 1, pay: 0, cost: [{ name: "relu & sum" }] });
    expect(fusionLines([navi31], [summary]).join("\n")).toMatch(/\| rows \| navi31 \| \w+ \| relu & sum \|/);
  });
});

describe("what a rule about cost refuses", () => {
  const refusalsOf = (program: Planned) => {
    const kernels = new Kernels();
    const step = fusedStep("net", program, kernels);
    const [on] = fusionsOn(navi31, { steps: [step], cases: kernels.cases }, () => byBytes);
    return on;
  };

  it("is fused without the rule, and counted as what that would save", () => {
    const on = refusalsOf(planned((x, y) => [relu(add(x, 1)), relu(y)], [8192], [10_000]));
    expect(on).toMatchObject({ dispatches: 2, savings: [{ name: "add & relu" }] });
    // Neither waits for the other: a dispatch less, no barrier.
    expect(on.refusals).toHaveLength(1);
    expect(on.refusals[0]).toMatchObject({ pass: "beside", rule: "large", dispatches: -1 });
    expect(on.refusals[0].microseconds).toBeCloseTo(5, 6);
    const summary = summaryOf(on);
    expect(summary).toMatchObject({ refused: 1, wouldSave: [{ name: "relu & add+relu" }] });
    expect(fusionLines([navi31], [summary]).join("\n")).toContain(
      "- net on navi31, large: relu & add+relu would save 5.0.",
    );
  });

  it("is a small value computed again, a dispatch and a barrier less", () => {
    const on = refusalsOf(planned((x, y) => add(x, relu(y)), [8192]));
    expect(on.refusals.map(({ rule }) => rule)).toEqual(["again"]);
    expect(on.refusals[0].microseconds).toBeCloseTo(7, 3);
  });

  it("is left out where something else refuses it too", () => {
    // The small value is a result itself: a kernel over more elements has no place to store it.
    const small = (x: Tensor, y: Tensor) => {
      const value = relu(y);
      return [add(x, value), value];
    };
    expect(refusalsOf(planned(small, [8192])).refusals).toEqual([]);
    expect(refusalsOf(planned((x) => relu(x), [8192])).refusals).toEqual([]);
  });
});

describe("by what docs/gpu.json records", () => {
  const { fusions }: { fusions: FusionSummary[] } = JSON.parse(fs.readFileSync("docs/gpu.json", "utf8"));

  it("every net was bounded on every GPU", () => {
    expect(fusions.map(({ net, gpu }) => `${net} ${gpu}`).sort()).toEqual(
      nets.flatMap(({ name }) => gpus.map((gpu) => `${name} ${gpu.name}`)).sort(),
    );
  });

  it.each(fusions)("no fusion of $net costs $gpu more than is let pass, and together they pay", (on) => {
    for (const { pass, name, microseconds } of on.cost) {
      expect(-microseconds, `${pass} of ${name}`).toBeLessThanOrEqual(mostFusionCost);
    }
    // What costs is listed, so that the least saving is the first of the list, or no cost worth the name.
    expect(on.least).toEqual(on.cost[0] ?? on.least);
    if (on.cost.length === 0) expect(on.least.microseconds).toBeGreaterThan(-mostFusionCost);
    expect(on.saved).toBeGreaterThan(0);
    expect(on.fusions).toBeGreaterThan(0);
    // What a rule about cost refuses would save no more than a fusion may cost.
    for (const { rule, name, microseconds } of on.wouldSave)
      expect(microseconds, `${rule}: ${name}`).toBeLessThanOrEqual(mostFusionCost);
  });

  it("the page says the same", () => {
    expect(fs.readFileSync("docs/gpu.md", "utf8")).toContain(fusionLines(gpus, fusions).join("\n").trimEnd());
  });
});
