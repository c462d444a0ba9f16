// A sample of the user's own, given to the net: made into what its samples are, and what comes out.

import type { Trial, Tried } from "./messages.ts";
import type { Net } from "./net.ts";
import type { Rows } from "./samples.ts";

export async function tried(net: Net, trial: Trial): Promise<Tried> {
  const { x, seen } = await inputOf(net, trial);
  const output = await net.model.predict(x);
  const values = Float32Array.from(await output.data());
  output.dispose();
  return { values, seen };
}

async function inputOf(net: Net, trial: Trial): Promise<{ x: Rows; seen?: Tried["seen"] }> {
  const { spec, tokensOf } = net.samples;
  if (trial.kind === "values") return { x: trial.x };
  if (trial.kind === "text") {
    if (tokensOf === undefined) throw new Error("This net takes no texts: choose texts as data first.");
    return { x: await tokensOf([trial.text]) };
  }
  if (spec.shape.length !== 3) throw new Error("This net takes no images: choose images as data first.");
  const { oneImage } = await import("./own-files.ts");
  const [side, , channels] = spec.shape;
  const isInk = net.setup.data === "mnist" || net.setup.data === "fashion";
  const x = await oneImage(trial.file, { side, isGray: channels === 1 }, isInk);
  return { x, seen: { shape: spec.shape, values: x.slice() } };
}
