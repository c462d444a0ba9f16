// The networks whose training steps the bench times: as data, for the other libraries too.

/** A layer as every library has it; a dense one has relu behind it unless it is the last. */
export type LayerSpec =
  | { readonly kind: "dense"; readonly units: number }
  | { readonly kind: "batchNorm" }
  | { readonly kind: "dropout"; readonly rate: number }
  /** Without padding, stride 1, relu behind it; `size` by `size`. */
  | { readonly kind: "conv2d"; readonly units: number; readonly size: number }
  | { readonly kind: "maxPool"; readonly size: number }
  | { readonly kind: "flatten" }
  /** A row of `units` numbers for each token; token 0 masks its step where the net's rows differ in length. */
  | { readonly kind: "embedding"; readonly units: number }
  /** What every step gave. */
  | { readonly kind: "lstm"; readonly units: number }
  /** What the last step gave that counts. */
  | { readonly kind: "gru"; readonly units: number }
  /** A trained row of numbers is added to each step. */
  | { readonly kind: "positions" }
  /**
   * Of a transformer: causal attention, and a perceptron four times as wide with gelu (by the error function); each behind a
   * layer normalization, with a shortcut around both.
   */
  | { readonly kind: "block"; readonly heads: number }
  | { readonly kind: "layerNorm" };

export type LayerKind = LayerSpec["kind"];

export interface NetSpec {
  readonly name: string;
  /** Numbers of a sample: features, or steps where they are tokens. */
  readonly inputs: number;
  /** Of a sample, where it is no vector. */
  readonly shape?: readonly number[];
  /** Samples are whole numbers below `vocabulary`. */
  readonly tokens?: {
    readonly vocabulary: number;
    /** The shortest row: behind a row's end stand zeros, which no row holds otherwise. All are full where absent. */
    readonly shortest?: number;
  };
  readonly classes: number;
  /** Whether a sample has a class at every step, the token that comes next, and not a single one. */
  readonly labelsEach?: boolean;
  readonly batchSize: number;
  readonly layers: readonly LayerSpec[];
  /** Batches of data that steps go round, where they are not as many as usual. */
  readonly batches?: number;
}

const dense = (units: number): LayerSpec => ({ kind: "dense", units });
const dropout = (rate: number): LayerSpec => ({ kind: "dropout", rate });
const batchNorm: LayerSpec = { kind: "batchNorm" };
const pool: LayerSpec = { kind: "maxPool", size: 2 };
const conv = (units: number): LayerSpec => ({ kind: "conv2d", units, size: 3 });
const embedding: LayerSpec = { kind: "embedding", units: 32 };
const block: LayerSpec = { kind: "block", heads: 4 };

/** A small GPT: four blocks of `width` numbers over rows of so many tokens. */
export const gpt = (name: string, width: number, tokens: number): NetSpec => ({
  name,
  inputs: tokens,
  tokens: { vocabulary: 64 },
  classes: 64,
  labelsEach: true,
  batchSize: 16,
  layers: [
    { kind: "embedding", units: width },
    { kind: "positions" },
    block,
    block,
    block,
    block,
    { kind: "layerNorm" },
    dense(64),
  ],
});

export const nets: readonly NetSpec[] = [
  {
    name: "N1",
    inputs: 784,
    classes: 10,
    batchSize: 128,
    layers: [...[64, 64, 64].flatMap((units) => [dense(units), batchNorm]), dropout(0.2), dense(10)],
  },
  {
    name: "N2",
    inputs: 784,
    classes: 10,
    batchSize: 100,
    layers: [512, 512, 256, 256, 128, 128, 8, 10].map(dense),
  },
  { name: "N3", inputs: 784, classes: 10, batchSize: 32, layers: [100, 10].map(dense) },
  {
    name: "N4",
    inputs: 10000,
    classes: 46,
    batchSize: 128,
    layers: [dense(256), dropout(0.5), dense(128), dropout(0.5), dense(46)],
  },
  {
    name: "N5",
    inputs: 784,
    shape: [28, 28, 1],
    classes: 10,
    batchSize: 32,
    layers: [conv(32), pool, conv(64), pool, { kind: "flatten" }, dropout(0.5), dense(10)],
  },
  {
    name: "N6",
    inputs: 40,
    tokens: { vocabulary: 64 },
    classes: 64,
    labelsEach: true,
    batchSize: 32,
    layers: [embedding, { kind: "lstm", units: 128 }, dense(64)],
  },
  gpt("N7", 64, 64),
  {
    name: "N8",
    inputs: 60,
    tokens: { vocabulary: 1000, shortest: 5 },
    classes: 2,
    batchSize: 32,
    layers: [embedding, { kind: "gru", units: 64 }, dense(2)],
  },
];

/** N1 to N4, whose samples are vectors. */
export const denseNets = nets.slice(0, 4);

export const netNamed = (name: string): NetSpec => {
  const net = nets.find((each) => each.name === name);
  if (net === undefined) throw new Error(`there is no net ${name}`);
  return net;
};

function describeLayer(layer: LayerSpec): string {
  switch (layer.kind) {
    case "dense":
      return String(layer.units);
    case "batchNorm":
      return "BN";
    case "dropout":
      return `dropout ${layer.rate}`;
    case "conv2d":
      return `conv ${layer.size}x${layer.size}x${layer.units}`;
    case "maxPool":
      return `pool ${layer.size}`;
    case "block":
      return `block of ${layer.heads} heads`;
    case "layerNorm":
      return "LN";
    case "embedding":
    case "lstm":
    case "gru":
      return `${layer.kind === "embedding" ? layer.kind : layer.kind.toUpperCase()} ${layer.units}`;
    default:
      return layer.kind;
  }
}

function describeInputs({ inputs, shape, tokens }: NetSpec): string {
  if (tokens === undefined) return shape?.join("x") ?? String(inputs);
  const { vocabulary, shortest } = tokens;
  return `${shortest === undefined ? inputs : `${shortest} to ${inputs}`} tokens of ${vocabulary}`;
}

/** As in "784-64-BN-64-BN-dropout 0.2-10, batches of 128"; relu stands behind each number but the last, which softmax follows. */
export function describeNet(net: NetSpec, withBatch = true): string {
  const parts = [describeInputs(net), ...net.layers.map(describeLayer)];
  const labels = net.labelsEach ? ", the next token at every step" : "";
  return `${parts.join("-")}${labels}${withBatch ? `, batches of ${net.batchSize}` : ""}`;
}

/** The spec without its dropout: what every library computes alike. */
export function withoutDropout(net: NetSpec): NetSpec {
  return { ...net, layers: net.layers.filter(({ kind }) => kind !== "dropout") };
}

/** Of what stands before each layer, and behind the last: the shape of a sample. */
export function shapesOf({ inputs, shape = [inputs], layers }: NetSpec): (readonly number[])[] {
  const shapes: (readonly number[])[] = [shape];
  for (const layer of layers) shapes.push(shapeAfter(layer, shapes.at(-1)!));
  return shapes;
}

function shapeAfter(layer: LayerSpec, before: readonly number[]): readonly number[] {
  switch (layer.kind) {
    case "dense":
    case "lstm":
      return [...before.slice(0, -1), layer.units];
    case "conv2d":
      return [...before.slice(0, -1).map((length) => length - layer.size + 1), layer.units];
    case "maxPool":
      return [...before.slice(0, -1).map((length) => Math.floor(length / layer.size)), before.at(-1)!];
    case "flatten":
      return [before.reduce((product, length) => product * length, 1)];
    case "embedding":
      return [...before, layer.units];
    case "gru":
      return [layer.units];
    default:
      return before;
  }
}

/** Floating-point operations of a step's products: forward, and the gradients by weight and, but for the first layer, by input. */
export function flopsOf(net: NetSpec): number {
  const shapes = shapesOf(net);
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  let isFirst = true;
  let flops = 0;
  net.layers.forEach((layer, i) => {
    const width = shapes[i].at(-1)!;
    const rows = (net.batchSize * size(shapes[i])) / width;
    const products: Readonly<Partial<Record<LayerKind, () => number>>> = {
      dense: () => rows * width * size(shapes[i + 1].slice(-1)),
      conv2d: () =>
        net.batchSize * size(shapes[i + 1]) * width * (layer.kind === "conv2d" ? layer.size ** 2 : 1),
      lstm: () => 4 * rows * (width + unitsOf(layer)) * unitsOf(layer),
      gru: () => 3 * rows * (width + unitsOf(layer)) * unitsOf(layer),
      // Three projections, one, and the perceptron's two; scores and what they weigh, of which half is not seen.
      block: () => rows * width * (12 * width + net.inputs),
    };
    const product = products[layer.kind]?.();
    if (product !== undefined) flops += (isFirst ? 4 : 6) * product;
    isFirst &&= product === undefined && layer.kind !== "embedding";
  });
  return flops;
}

const unitsOf = (layer: LayerSpec): number => ("units" in layer ? layer.units : 0);
