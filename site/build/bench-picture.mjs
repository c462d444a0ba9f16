// The home page's picture of speed: training steps a second of the recorded bench, beside its peers.

import fs from "node:fs";
import path from "node:path";
import { root } from "../../scripts/setup.mjs";

const shown = [
  ["webgpu", "gradgpu"],
  ["jax-js-webgpu", "jax-js"],
  ["tfjs-webgpu", "TensorFlow.js"],
  // On the processor: where there is no GPU, it is what there is to beat.
  ["jax-js-wasm", "jax-js, WASM"],
];

/** As HTML: a table whose numbers are bars as well. */
export function benchPicture() {
  const file = path.join(root, "bench", "results", "llvmpipe-llvm-15-0-6-256-bits.json");
  const { runs } = JSON.parse(fs.readFileSync(file, "utf8"));
  const netsOf = ({ cases }) =>
    cases.filter(
      (row) =>
        /^train\/N[1-4]$/.test(row.case) && row.phase === "step" && shown.every(([name]) => name in row),
    );
  const run = runs.findLast((one) => netsOf(one).length > 0);
  const nets = netsOf(run);
  const rows = nets.map((row) => {
    const rates = shown.map(([name]) => 1000 / row[name][0]);
    const most = Math.max(...rates);
    const cells = rates.map(
      (rate, i) =>
        `<td><span class="bench-bar${i === 0 ? " own" : ""}" style="--share:${(rate / most).toFixed(4)}"><span class="bench-name">${shown[i][1]}</span><b>${Number(rate.toPrecision(3))}</b></span></td>`,
    );
    return `<tr><th scope="row">${about[row.case.slice(6)]}</th>${cells.join("")}</tr>`;
  });
  const { adapter } = run.backends.webgpu;
  const [date] = run.machine.date.split("T");
  return `<figure class="bench"><table><caption>Training steps a second</caption>
<thead class="visually-hidden"><tr><th scope="col">Net</th>${shown.map(([, label]) => `<th scope="col">${label}</th>`).join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table>
<figcaption>Recorded on ${date} on ${adapter.startsWith("llvmpipe") ? "a software adapter (Mesa's lavapipe)" : adapter}, ${run.machine.cores} cores; gradgpu ${run.backends.webgpu.version}, jax-js ${run.backends["jax-js-webgpu"].version}, TensorFlow.js ${run.backends["tfjs-webgpu"].version}. <a href="./docs/performance.html">How it was measured</a></figcaption></figure>`;
}

const about = {
  N1: "784-64-64-64-10, batch normalization, dropout",
  N2: "784-512-512-256-256-128-128-8-10",
  N3: "784-100-10",
  N4: "10000-256-128-46, dropout",
};
