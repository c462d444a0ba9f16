// Every op's gradients on the adapter equal the CPU reference's, which test/unit/ops-gradient.test.ts has compared
// with differences.

import { beforeAll, describe, it } from "vitest";
import { tidy } from "../../engine/index.ts";
import { expectClose, gradientDefault, gradientTolerance } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { gradientInputs, ruleGradients } from "../support/differences.ts";
import type { Pair } from "../support/gpu-cases.ts";
import { allOps, drawAll, isDifferentiable, makeInputs, showSample } from "../support/op-cases.ts";
import { sampledHere } from "../support/sampled.ts";

let pair: Pair;

beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

describe("gradients", () => {
  it.each(sampledHere(allOps().filter(isDifferentiable)).map((op) => [op.name, op] as const))(
    "%s",
    async (_, op) => {
      for (const sample of op.samples) {
        const wanted = gradientInputs(sample);
        if (wanted.length === 0) continue;
        const values = drawAll(sample);
        const [got, want] = [pair.gpu, pair.reference].map((device) =>
          tidy(() => ruleGradients(op, sample, makeInputs(sample, values, device), wanted)),
        );
        const tolerance = gradientTolerance[op.name] ?? gradientDefault;
        for (let i = 0; i < wanted.length; i++) {
          await expectClose(
            got[i],
            want[i],
            tolerance,
            `${op.name} ${showSample(sample)}, gradient of input ${wanted[i]}`,
          );
        }
        for (const tensor of [...got, ...want]) tensor.dispose();
      }
    },
  );
});
