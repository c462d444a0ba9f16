// The stepper's page of a batch: its tape forwards and back, with each op's formula and numbers.

import { reshape, Tape, tensor } from "gradgpu";
import { losses, type Sequential } from "gradgpu/nn";
import type { Rows } from "./samples.ts";

interface Batch {
  readonly x: Rows;
  readonly y: Rows;
  readonly count: number;
}

export async function walkPage(model: Sequential, batch: Batch, lossName: string): Promise<string> {
  const { recordSteps, stepperPage } = await import("gradgpu/inspect");
  const shape = [batch.count, ...model.inputShape];
  const x = tensor(batch.x, { shape, dtype: dtypeOf(batch.x) });
  const isClasses = lossName.startsWith("sparse");
  const t = isClasses
    ? tensor(Int32Array.from(batch.y), { shape: [batch.count] })
    : reshape(tensor(Float32Array.from(batch.y)), [batch.count, 1]);
  const tape = new Tape({ retain: true });
  try {
    const L = tape.record(() => {
      const output = model.call(x, { training: true });
      return losses.reduce(losses.get(lossName).call(t, output));
    });
    const recording = await recordSteps(tape.name({ x, t, L }), L, { maxElements: 256 });
    // Lines of the site's own bundle tell nobody anything.
    const nodes = recording.nodes.map((node) => ({ ...node, source: "" }));
    return stepperPage(
      { ...recording, nodes },
      {
        title: "One batch, step by step",
        intro: `${batch.count} training samples go forward to the loss L, and its gradient comes back to every weight. These are the numbers of this net as it is now.`,
      },
    );
  } finally {
    tape.dispose();
    x.dispose();
    t.dispose();
  }
}

const dtypeOf = (x: Rows) => (x instanceof Uint8Array ? "u8" : x instanceof Int32Array ? "i32" : "f32");
