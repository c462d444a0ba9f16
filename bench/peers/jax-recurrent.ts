// LSTM and GRU in jax-js: one product for the inputs of all steps, then the steps one after the other. It has no scan:
// all of them stand in the traced step.

import type { LayerSpec } from "../cases/nets.ts";
import type { Array_, Jax } from "./jax-api.ts";

type Recurrent = Extract<LayerSpec, { kind: "lstm" | "gru" }>;

/** [batch, steps, features] to what all steps of an LSTM gave, or the last one of a GRU. */
export function recurrent(
  { numpy: np, nn }: Jax,
  { kind, units }: Recurrent,
  x: Array_,
  [kernel, recurrentKernel, bias]: readonly Array_[],
  masks: Array_ | undefined,
): Array_ {
  const [batch, steps] = x.shape;
  const [own, after] = kind === "gru" ? np.unstack(bias) : [bias, undefined];
  const rows = np.unstack(np.matmul(x, kernel).add(own), 1);
  const counts = masks === undefined ? undefined : np.unstack(masks);
  const outputs: Array_[] = [];
  let h = np.zeros([batch, units]);
  let c = np.zeros([batch, units]);
  for (let step = 0; step < steps; step++) {
    if (kind === "lstm") {
      const [i, f, g, o] = np.split(np.matmul(h, recurrentKernel.ref).add(rows[step]), 4, 1);
      c = nn
        .sigmoid(f)
        .mul(c)
        .add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(c.ref));
      outputs.push(h.ref);
      continue;
    }
    const product = np.matmul(h.ref, recurrentKernel.ref).add(after!.ref);
    const [z, r, n] = np.split(rows[step], 3, 1);
    const [uz, ur, un] = np.split(product, 3, 1);
    const update = nn.sigmoid(z.add(uz));
    const candidate = np.tanh(n.add(nn.sigmoid(r.add(ur)).mul(un)));
    const next = candidate.ref.add(h.ref.sub(candidate).mul(update));
    h = counts === undefined ? next : h.ref.add(next.sub(h).mul(counts[step]));
  }
  recurrentKernel.dispose();
  after?.dispose();
  if (kind === "gru") {
    c.dispose();
    return h;
  }
  c.dispose();
  h.dispose();
  return np.stack(outputs, 1);
}
