// TensorFlow.js on one of its backends.

import type { PeerHost, PeerLibrary } from "./peer.ts";
import type { Tfjs } from "./tfjs-api.ts";
import { prepareTfjsNet } from "./tfjs-nets.ts";
import { prepareTfjsOp } from "./tfjs-ops.ts";

export async function openTfjs({ backend, require }: PeerHost): Promise<PeerLibrary> {
  const tf = require("@tensorflow/tfjs-core") as Tfjs;
  // Not for its layers: in Node it is this package that registers the gradients.
  require("@tensorflow/tfjs-layers");
  require(`@tensorflow/tfjs-backend-${backend}`);
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs could not start its ${backend} backend`);
  await tf.ready();
  if (tf.getBackend() !== backend) throw new Error(`tfjs chose ${tf.getBackend()} instead of ${backend}`);
  return {
    version: tf.version_core,
    prepare: (work) => (work.kind === "net" ? prepareTfjsNet(tf, work.net) : prepareTfjsOp(tf, work.op)),
  };
}
