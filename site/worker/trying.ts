// A sample of the user's own, given to the net: made into what its samples are, and what comes out.

import type { Trial, Tried } from "./messages.ts";
import type { Net } from "./net.ts";
import type { Part, Rows, Samples } from "./samples.ts";

interface Input {
  readonly x: Rows;
  readonly seen?: Tried["seen"];
}

/** Bytes of training images that say whether they are bright on dark. */
const looked = 100_000;

export class Trials {
  readonly #net: Net;
  /** What is tried is read once, however often it is tried while the net learns. */
  #read: { readonly sample: number; readonly samples: Samples; readonly input: Input } | undefined;

  constructor(net: Net) {
    this.#net = net;
  }

  /** @param sample the same number for one that is tried again */
  async try(sample: number, trial: Trial): Promise<Tried> {
    const { samples, model } = this.#net;
    if (this.#read?.sample !== sample || this.#read.samples !== samples)
      this.#read = { sample, samples, input: await inputOf(samples, trial) };
    const { x, seen } = this.#read.input;
    const output = await model.predict(x);
    const values = Float32Array.from(await output.data());
    output.dispose();
    return { values, seen };
  }
}

async function inputOf({ spec, tokensOf, train }: Samples, trial: Trial): Promise<Input> {
  if (trial.kind === "values") return { x: trial.x };
  if (trial.kind === "text") {
    if (tokensOf === undefined) throw new Error("This net takes no texts: choose texts as data first.");
    return { x: await tokensOf([trial.text]) };
  }
  if (spec.shape.length !== 3) throw new Error("This net takes no images: choose images as data first.");
  const { oneImage } = await import("./own-files.ts");
  const read = await oneImage(trial.file, spec.shape);
  const x = spec.shape[2] === 1 ? turned(read, train) : read;
  return { x, seen: { shape: spec.shape, values: x.slice() } };
}

/** Bright on dark where the net's own images are, as MNIST's, and dark on bright where they are that. */
function turned(image: Uint8Array<ArrayBuffer>, { x }: Part): Uint8Array<ArrayBuffer> {
  const [own, usual] = [meanOf(image), meanOf(x.subarray(0, looked))];
  const isOther = (usual < 100 && own > 127) || (usual > 155 && own < 128);
  return isOther ? image.map((value) => 255 - value) : image;
}

const meanOf = (values: Rows): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
};
