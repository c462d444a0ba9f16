// Two inputs and two outputs in one model: tickets of a help desk: node scripts/run.mjs --setup examples/two-outputs.ts
// Options: --epochs 30, --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { Concatenate, Dense, Embedding, GlobalAveragePooling1D, input, Model } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "30" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);

await init({ device: options.device as InitOptions["device"], seed: 1 });

const departments = {
  billing: ["invoice", "refund", "price"],
  network: ["cable", "router", "offline"],
  accounts: ["password", "login", "name"],
};
const fillers = ["please", "my", "is", "the", "again"];
const words = [...Object.values(departments).flat(), ...fillers];

/** Tickets: what they say, as numbers of words; how long they wait and what the customer pays; and what is to be found. */
function tickets(count: number, offset: number) {
  const own = Object.values(departments);
  const text: number[][] = [];
  const facts: number[][] = [];
  const department: number[] = [];
  const urgency: number[] = [];
  for (let i = offset; i < offset + count; i++) {
    // Numbers that look drawn by chance, and are the same each time.
    const chance = (k: number) => Math.abs(Math.sin(12.9898 * (i + 1) + 78.233 * k) * 43758.5453) % 1;
    const which = Math.floor(chance(0) * own.length);
    const said = [0, 1, 2, 3].map((k) => {
      const list = k === 1 ? own[which] : fillers;
      return words.indexOf(list[Math.floor(chance(k + 1) * list.length)]);
    });
    const [waiting, pays] = [chance(6), chance(7)];
    text.push(said);
    facts.push([waiting, pays]);
    department.push(which);
    // The network's tickets can't wait.
    urgency.push(0.5 * waiting + 0.3 * pays + (which === 1 ? 0.2 : 0));
  }
  return [
    { text, facts },
    { department, urgency },
  ] as const;
}

const text = input([4], { name: "text", dtype: "i32" });
const facts = input([2], { name: "facts" });
const said = new GlobalAveragePooling1D().call(new Embedding(words.length, 8).call(text));
const both = new Dense(16, { activation: "relu" }).call(new Concatenate().call([said, facts]));
const model = new Model(
  { text, facts },
  {
    department: new Dense(3, { activation: "softmax", name: "department" }).call(both),
    urgency: new Dense(1, { name: "urgency" }).call(both),
  },
);
model.compile({
  optimizer: new Adam({ learningRate: 1e-2 }),
  loss: { department: "sparseCategoricalCrossentropy", urgency: "mse" },
  // A squared error of numbers from 0 to 1 is small beside a cross-entropy.
  lossWeights: { department: 1, urgency: 5 },
  metrics: { department: "accuracy", urgency: "mae" },
});
model.summary();

const [x, y] = tickets(300, 0);
const { history } = await model.fit(x, y, { batchSize: 30, epochs, verbose: 0 });
console.log(`loss ${history.loss[0].toFixed(4)} -> ${history.loss[epochs - 1].toFixed(4)}`);

const logs = await model.evaluate(...tickets(100, 300), { returnDict: true });
console.log(`department right in ${(100 * logs.departmentAccuracy).toFixed(1)} % of new tickets`);
console.log(`urgency wrong by ${logs.urgencyMae.toFixed(3)}`);

const { department, urgency } = await model.predict({
  text: [["my", "router", "again", "please"].map((word) => words.indexOf(word))],
  facts: [[0.9, 0.5]],
});
const [shares] = (await department.array()) as number[][];
const [[urgent]] = (await urgency.array()) as number[][];
const found = Object.keys(departments)[shares.indexOf(Math.max(...shares))];
console.log(`"my router again please", waiting long: for ${found}, urgency ${urgent.toFixed(2)}`);
dispose();
