// npm run stepper: the worked back-propagation of course note 002 (two inputs, two hidden and two output units,
// sigmoid, no bias, one sample, learning rate 0.5) as a page to step through, out/stepper.html.

import {
  dispose,
  init,
  matmul,
  mul,
  sigmoid,
  square,
  sub,
  sum,
  Tape,
  tensor,
  variable,
} from "../engine/index.ts";
import { explain, recordSteps, stepperPage } from "../engine/inspect/index.ts";
import { writeWhole } from "../scripts/output-files.mjs";

const file = "out/stepper.html";
const learningRate = 0.5;

// The float64 reference unless another device is named: npm run stepper -- webgpu
const [device = "cpu"] = process.argv.slice(2) as ("cpu" | "webgpu" | "auto")[];
if (!["cpu", "webgpu", "auto"].includes(device)) {
  const isHelp = /^(-h|--help)$/.test(device);
  const output = isHelp ? process.stdout : process.stderr;
  output.write(
    `npm run stepper [-- cpu | webgpu | auto]: writes ${file}${isHelp ? "" : `; got ${device}`}\n`,
  );
  process.exit(isHelp ? 0 : 2);
}
await init({ device });

const x = tensor([[0.1, 0.2]]);
const t = tensor([[0.4, 0.6]]);
// One column a unit: w1 and w2 lead to the first hidden unit.
const W1 = variable(
  [
    [0.3, 0.4],
    [0.25, 0.35],
  ],
  { name: "W1" },
);
const W2 = variable(
  [
    [0.45, 0.7],
    [0.4, 0.6],
  ],
  { name: "W2" },
);

function forward() {
  const z12 = matmul(x, W1);
  const h = sigmoid(z12);
  const z34 = matmul(h, W2);
  const o = sigmoid(z34);
  const d = sub(t, o);
  const s = square(d);
  const e = mul(s, 0.5);
  const E = sum(e);
  return { z12, h, z34, o, d, s, e, E };
}

const tape = new Tape({ retain: true });
const made = tape.record(forward);
const { E } = made;
tape.name({ x, t, ...made });

console.log(explain(E));
console.log();
for (const step of tape.steps(E)) console.log(await step.show());

const recording = await recordSteps(tape, E);
const [dW1, dW2] = tape.gradient(E, [W1, W2]);
W2.assign(sub(W2, mul(dW2, learningRate)));
W1.assign(sub(W1, mul(dW1, learningRate)));
const after = forward().E;
const [before, now] = [await E.item(), await after.item()];

const formula = `{w} − ${learningRate} · {g}`;
const page = stepperPage(recording, {
  title: "Back-propagation, step by step",
  intro:
    "A network with two inputs, two hidden and two output units, sigmoid everywhere, no bias: o = σ(σ(x W₁) W₂). The error is E = ½ Σ (t − o)². One sample goes forward, the error's gradient comes back, and one step of gradient descent with learning rate 0.5 changes the eight weights.",
  elements: {
    x: ["x1", "x2"],
    t: ["t1", "t2"],
    W1: ["w1", "w3", "w2", "w4"],
    W2: ["w5", "w7", "w6", "w8"],
    z12: ["z1", "z2"],
    h: ["h1", "h2"],
    z34: ["z3", "z4"],
    o: ["o1", "o2"],
    d: ["d1", "d2"],
    s: ["s1", "s2"],
    e: ["E1", "E2"],
  },
  updates: [
    { name: "W2", after: await W2.dataFloat64(), formula },
    { name: "W1", after: await W1.dataFloat64(), formula },
  ],
  result: {
    text: "With the new weights the same sample has a smaller error. Repeat, over many samples, and the network learns.",
    values: { "E before": before, "E after one step": now },
  },
});
await writeWhole(file, page);
console.log(`\nE ${before.toFixed(8)} -> ${now.toFixed(8)}; wrote ${file}: open it in a browser`);
dispose();
