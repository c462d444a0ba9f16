// An LSTM that learns to write English, letter by letter: node scripts/run.mjs --setup examples/character-model.ts
// Options: --epochs 10, --quick (little text, little net), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init, tensor, tidy, zeros } from "gradgpu";
import { brown } from "gradgpu/data";
import { Dense, Embedding, input, LSTM, Model } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string" },
    quick: { type: "boolean", default: false },
    device: { type: "string", default: "auto" },
  },
});
const [letters, length, units, batchSize] = options.quick ? [6_000, 20, 24, 16] : [300_000, 40, 128, 32];
const epochs = Number(options.epochs ?? (options.quick ? 3 : 10));

await init({ device: options.device as InitOptions["device"], seed: 1 });

// Stories of 1961, their signs joined to the words before them again.
const { train } = await brown.load();
const stories = ["adventure", "fiction", "mystery", "romance"].map((name) => brown.classes.indexOf(name));
const text = train.texts
  .filter((_, i) => stories.includes(train.labels[i]))
  .join(" ")
  .toLowerCase()
  .replace(/''|[^a-z.,?!' ]/g, " ")
  .replace(/ +/g, " ")
  .replace(/ ([.,?!])/g, "$1")
  .slice(0, letters);
const alphabet = [..." abcdefghijklmnopqrstuvwxyz.,?!'"];
const ids = Int32Array.from(text, (letter) => alphabet.indexOf(letter));

// A row is a piece of the text, its target the same piece one letter later.
const rows = Math.floor((ids.length - 1) / length / batchSize) * batchSize;
const x = ids.slice(0, rows * length);
const y = ids.slice(1, rows * length + 1);
console.log(`${text.length} letters of stories, in ${rows} pieces of ${length}`);

// The layers are shared by two models. One learns from whole pieces; the other writes: a letter and the states go in, and
// what comes next and the states behind it come out.
const embedding = new Embedding(alphabet.length, 24);
const lstm = new LSTM(units, { returnSequences: true, returnState: true });
const head = new Dense(alphabet.length, { activation: "softmax" });

const pieces = input([length], { dtype: "i32" });
const [read]: (typeof pieces)[] = lstm.call(embedding.call(pieces));
const model = new Model(pieces, head.call(read));
model.compile({ optimizer: new Adam({ learningRate: 5e-3 }), loss: "sparseCategoricalCrossentropy" });

const letter = input([1], { dtype: "i32" });
const [h, c] = [input([units]), input([units])];
const [shown, nextH, nextC]: (typeof pieces)[] = lstm.call([embedding.call(letter), h, c]);
const writer = new Model([letter, h, c], [head.call(shown), nextH, nextC]);

/** Goes on from `start`; with a temperature below 1 likely letters come more often than the model holds for right. */
async function write(start: string, count: number, temperature = 0.5): Promise<string> {
  let text = start;
  let states = [zeros([1, units]), zeros([1, units])];
  for (let i = 0; i < start.length + count - 1; i++) {
    const id = tensor([[alphabet.indexOf(text[i])]], { dtype: "i32" });
    const [next, ...after] = tidy(() => writer.call([id, states[0], states[1]]));
    if (i === text.length - 1) text += pick([...(await next.data())], temperature);
    for (const done of [id, next, ...states]) done.dispose();
    states = after;
  }
  return text;
}

function pick(probabilities: readonly number[], temperature: number): string {
  const shares = probabilities.map((probability) => probability ** (1 / temperature));
  let left = random() * shares.reduce((sum, share) => sum + share, 0);
  for (const [i, share] of shares.entries()) {
    left -= share;
    if (left < 0) return alphabet[i];
  }
  return " ";
}

/** Numbers that look drawn by chance, and are the same each time. */
let word = 1;
function random(): number {
  word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
  return word / 2 ** 32;
}

const begun = performance.now();
await model.fit(x, y, {
  epochs,
  batchSize,
  verbose: 0,
  onEpochEnd: async (epoch, { loss }) => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    console.log(
      `epoch ${epoch + 1}, ${seconds} s, ${(loss / Math.LN2).toFixed(2)} bits a letter: ${await write("he ", 50)}`,
    );
  },
});
console.log(`\n${await write("the man ", options.quick ? 60 : 400)}`);
dispose();
