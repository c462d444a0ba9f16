// A set-up as a TypeScript program that runs under Node: with the same layers, numbers and order of things.

import { type SaidOption, saidOptions } from "./code-options.ts";
import { typescriptTable } from "./code-table.ts";
import type { LayerSetup } from "./layers.ts";
import { type DataSpec, isPointSet, outputLayer, type Setup, textLength, vocabularySize } from "./setup.ts";
import { countsSteps, hasRareNames, metricOf, optimizerOf } from "./training.ts";

export function typescriptCode(setup: Setup, data: DataSpec): string {
  const { className, fixed } = optimizerOf(setup.optimizer);
  const output = outputLayer(data);
  const hasPenalty = setup.layers.some(({ options }) => (options.regularizer ?? "none") !== "none");
  const layers = [...new Set([...setup.layers.map(({ type }) => type), "Dense", "Input", "Sequential"])];
  if (hasPenalty) layers.push("regularizers");
  if (setup.layers.some(({ options }) => options.bothWays === true)) layers.push("Bidirectional");
  if (setup.data === "text") layers.push("TextVectorization");
  const metric = metricOf(setup.metric, data.task).typescript;
  if (metric.startsWith("metrics.")) layers.push("metrics");
  if (setup.schedule === "plateau") layers.push("ReduceLROnPlateau");
  const isByte = data.shape.length === 3;
  const rate = rateCode(setup);
  const optimizerOptions = [
    `learningRate: ${rate}`,
    ...Object.entries(fixed ?? {}).map(([name, value]) => `${name}: ${value}`),
    ...(setup.clip > 0 ? [`clipping: globalClipNorm(${setup.clip})`] : []),
  ];
  const ofOptim = [
    className,
    ...(setup.clip > 0 ? ["globalClipNorm"] : []),
    ...(countsSteps(setup.schedule) ? ["schedules"] : []),
  ];
  const imports = [
    'import { init } from "gradgpu";',
    `import { ${layers.sort((a, b) => a.localeCompare(b)).join(", ")} } from "gradgpu/nn";`,
    `import { ${ofOptim.join(", ")} } from "gradgpu/optim";`,
    ...(hasRareNames(setup) ? ['import "gradgpu/names";'] : []),
  ];
  return `${[...dataImports(setup, data), ...imports].join("\n")}

await init({ seed: ${setup.seed} });
${dataCode(setup, data)}

const model = new Sequential([
  new Input([${data.shape.join(", ")}]${isByte ? ", { byteScale: 1 / 255 }" : setup.data === "text" ? ', { dtype: "i32" }' : ""}),
${setup.layers.map((layer) => `  ${layerCode(layer)},\n`).join("")}  new Dense(${output.units}${output.activation === "linear" ? "" : `, { activation: "${output.activation}" }`}),
]);
model.summary();
${!countsSteps(setup.schedule) ? "" : `const steps = Math.ceil(y.length * ${round(1 - setup.heldBack)} / ${setup.batchSize});\n`}model.compile({
  optimizer: new ${className}({ ${optimizerOptions.join(", ")} }),
  loss: "${setup.loss}",
  metrics: [${metric}],
});
const history = await model.fit(x, y, {
  batchSize: ${setup.batchSize},
  epochs: 100,
  validationSplit: ${setup.heldBack},${setup.schedule === "plateau" ? `\n  callbacks: new ReduceLROnPlateau({ factor: 0.5, patience: ${setup.decayEpochs} }),` : ""}
});
`;
}

const round = (value: number): number => Number(value.toPrecision(6));

function dataImports({ data }: Setup, { table }: DataSpec): string[] {
  if (data === "csv" && table !== undefined) return ['import { readCsv } from "gradgpu/data";'];
  if (data === "mnist" || data === "fashion")
    return [`import { ${data === "mnist" ? "mnist" : "fashionMnist"} } from "gradgpu/data";`];
  if (data === "images") return ['import { imageFolder } from "gradgpu/data";'];
  return ['import { readFile } from "node:fs/promises";'];
}

function dataCode({ data, samples }: Setup, { shape, classNames = [], table }: DataSpec): string {
  if (data === "mnist" || data === "fashion") {
    return `const { train } = await ${data === "mnist" ? "mnist" : "fashionMnist"}.load();
const x = train.images.subarray(0, ${samples} * 784);
const y = train.labels.subarray(0, ${samples});`;
  }
  if (data === "images")
    return `const folder = await imageFolder("images", {
  size: [${shape[0]}, ${shape[1]}],
  colorMode: "${shape[2] === 1 ? "grayscale" : "rgb"}",
  cropToAspectRatio: true,
});
// They come in the order of their classes: validation wants another one.
const { x, y } = shuffled(await folder.load());

function shuffled({ images, labels }: Awaited<ReturnType<typeof folder.load>>) {
  const size = images.length / labels.length;
  const order = [...labels.keys()].sort(() => Math.random() - 0.5);
  const x = new Uint8Array(images.length);
  order.forEach((from, to) => x.set(images.subarray(from * size, (from + 1) * size), to * size));
  return { x, y: order.map((from) => labels[from]) };
}`;
  if (data === "text") return textCode;
  if (data === "csv" && table !== undefined) return typescriptTable(table, classNames);
  const file = isPointSet(data) ? `${data}.csv` : "data.csv";
  const note = isPointSet(data) ? "" : "\n// The columns as numbers, with mean 0 and deviation 1 each.";
  return `const [, ...lines] = (await readFile("${file}", "utf8")).trim().split("\\n");${note}
const rows = lines.map((line) => line.split(",").map(Number));
const x = rows.map((row) => row.slice(0, -1));
const y = rows.map((row) => row.at(-1) as number);`;
}

const textCode = `const lines = (await readFile("texts.tsv", "utf8")).trim().split("\\n");
const rows = lines.map((line) => line.split("\\t"));
const names = [...new Set(rows.map(([label]) => label))].sort();
const texts = rows.map(([, text]) => text);
const vectorize = new TextVectorization({ maxTokens: ${vocabularySize}, outputSequenceLength: ${textLength} });
const x = vectorize.adapt(texts).call(texts);
const y = rows.map(([label]) => names.indexOf(label));`;

function rateCode({ schedule, learningRate, decayEpochs }: Setup): string {
  const initial = `initialLearningRate: ${learningRate}`;
  const steps = `decaySteps: ${decayEpochs} * steps`;
  switch (schedule) {
    case "constant":
    case "plateau":
      return String(learningRate);
    case "cosine":
      return `schedules.cosineDecay({ ${initial}, ${steps} })`;
    case "exponential":
      return `schedules.exponentialDecay({ ${initial}, ${steps}, decayRate: 0.1 })`;
    case "step":
      return `schedules.exponentialDecay({ ${initial}, ${steps}, decayRate: 0.5, staircase: true })`;
    case "warmup":
      return `schedules.cosineDecay({ initialLearningRate: 0, ${steps}, warmupTarget: ${learningRate}, warmupSteps: ${decayEpochs} * steps / 10 })`;
    case "oneCycle":
      return `schedules.oneCycle({ maxLearningRate: ${learningRate}, totalSteps: ${decayEpochs} * steps })`;
  }
}

function layerCode(layer: LayerSetup): string {
  const { type, options } = layer;
  const said = saidOptions(layer);
  const positional = said.positional.map(({ value }) => valueCode(value));
  const named = said.named.map(({ name, value }) => `${name}: ${valueCode(value)}`);
  if (options.regularizer !== undefined && options.regularizer !== "none")
    named.push(`kernelRegularizer: ${penaltyCode(options)}`);
  const args = [...positional, ...(named.length === 0 ? [] : [`{ ${named.join(", ")} }`])];
  const code = `new ${type}(${args.join(", ")})`;
  return options.bothWays === true ? `new Bidirectional(${code})` : code;
}

function penaltyCode({ regularizer, strength }: LayerSetup["options"]): string {
  const options = regularizer === "l1l2" ? `{ l1: ${strength}, l2: ${strength} }` : strength;
  return `regularizers.${regularizer}(${options})`;
}

function valueCode(value: SaidOption["value"]): string {
  if (typeof value === "object") return `[${value.join(", ")}]`;
  return typeof value === "string" ? `"${value}"` : String(value);
}
