// Convolution and pooling by their textbook sums in float64, for images [batch, height, width, channels]: written
// from the definition alone, sharing nothing with the engine. And random calls to compare with.

import { uniforms } from "./op-cases.ts";

export interface NaiveWindow {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** [[above, below], [left, right]] */
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
}

type Image = readonly [batch: number, height: number, width: number, channels: number];

/** Places that the window takes along an axis: it moves while it stays inside the padded image. */
function placesAlong(length: number, window: NaiveWindow, axis: 0 | 1): number {
  const [before, after] = window.padding[axis];
  let count = 0;
  for (let start = -before; ; start += window.stride[axis]) {
    const last = start + (window.size[axis] - 1) * window.dilation[axis];
    if (last >= length + after) return count;
    count++;
  }
}

/** Padding by TensorFlow's "same" rule: ⌈length / stride⌉ places, the odd zero after. */
export function samePadding(
  spatial: readonly [number, number],
  window: Omit<NaiveWindow, "padding">,
): NaiveWindow["padding"] {
  const along = (axis: 0 | 1): [number, number] => {
    const places = Math.ceil(spatial[axis] / window.stride[axis]);
    const reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
    const total = Math.max(0, (places - 1) * window.stride[axis] + reach - spatial[axis]);
    return [total >> 1, total - (total >> 1)];
  };
  return [along(0), along(1)];
}

export const outputOf = ([, height, width]: Image, window: NaiveWindow): [number, number] => [
  placesAlong(height, window, 0),
  placesAlong(width, window, 1),
];

/** Calls `visit` for every place and tap with the pixel under it, if it is inside the image. */
function walk(
  image: Image,
  window: NaiveWindow,
  visit: (at: { n: number; oy: number; ox: number; ky: number; kx: number; y: number; x: number }) => void,
): void {
  const [batch, height, width] = image;
  const [rows, columns] = outputOf(image, window);
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < rows; oy++)
      for (let ox = 0; ox < columns; ox++)
        for (let ky = 0; ky < window.size[0]; ky++)
          for (let kx = 0; kx < window.size[1]; kx++) {
            const y = oy * window.stride[0] + ky * window.dilation[0] - window.padding[0][0];
            const x = ox * window.stride[1] + kx * window.dilation[1] - window.padding[1][0];
            if (y >= 0 && y < height && x >= 0 && x < width) visit({ n, oy, ox, ky, kx, y, x });
          }
}

/** Visits every product x[at] w[at] that goes into y[at]. */
function eachTerm(
  image: Image,
  out: number,
  groups: number,
  window: NaiveWindow,
  visit: (y: number, x: number, w: number) => void,
): void {
  const [, height, width, channels] = image;
  const [rows, columns] = outputOf(image, window);
  const perGroup = channels / groups;
  walk(image, window, ({ n, oy, ox, ky, kx, y, x }) => {
    for (let o = 0; o < out; o++) {
      const group = Math.floor(o / (out / groups));
      for (let c = 0; c < perGroup; c++) {
        visit(
          ((n * rows + oy) * columns + ox) * out + o,
          ((n * height + y) * width + x) * channels + group * perGroup + c,
          ((ky * window.size[1] + kx) * perGroup + c) * out + o,
        );
      }
    }
  });
}

/** The convolution, and for the gradient g of its result those of image and weights. */
export function naiveConvolution(
  image: Image,
  out: number,
  groups: number,
  window: NaiveWindow,
  { x, w, g }: { x: Float64Array; w: Float64Array; g: Float64Array },
): { y: Float64Array; dx: Float64Array; dw: Float64Array } {
  const [y, dx, dw] = [g, x, w].map((array) => new Float64Array(array.length));
  eachTerm(image, out, groups, window, (iy, ix, iw) => {
    y[iy] += x[ix] * w[iw];
    dx[ix] += g[iy] * w[iw];
    dw[iw] += g[iy] * x[ix];
  });
  return { y, dx, dw };
}

/** Maxima and means under the window, and their gradients for g: the first maximum's, and the mean's. */
export function naivePooling(
  image: Image,
  window: NaiveWindow,
  { x, g }: { x: Float64Array; g: Float64Array },
) {
  const [, height, width, channels] = image;
  const [rows, columns] = outputOf(image, window);
  const best = new Int32Array(g.length).fill(-1);
  const [max, mean] = [g, g].map((array) => new Float64Array(array.length));
  const members: number[][] = Array.from(g, () => []);
  walk(image, window, (at) => {
    for (let c = 0; c < channels; c++) {
      const to = ((at.n * rows + at.oy) * columns + at.ox) * channels + c;
      const from = ((at.n * height + at.y) * width + at.x) * channels + c;
      members[to].push(from);
      if (best[to] < 0 || x[from] > x[best[to]]) best[to] = from;
    }
  });
  const [dMax, dMean] = [x, x].map((array) => new Float64Array(array.length));
  members.forEach((list, to) => {
    max[to] = x[best[to]];
    mean[to] = list.reduce((total, from) => total + x[from], 0) / list.length;
    dMax[best[to]] += g[to];
    for (const from of list) dMean[from] += g[to] / list.length;
  });
  return { max, mean, dMax, dMean };
}

export interface RandomConvolution {
  readonly image: Image;
  readonly out: number;
  readonly groups: number;
  readonly window: NaiveWindow;
  /** What to pass as `padding`. */
  readonly padding: "same" | "valid" | readonly (readonly [number, number])[];
  readonly x: Float64Array;
  readonly w: Float64Array;
  readonly g: Float64Array;
}

/** Random sizes, strides, dilations, paddings and groups that fit together; multiples of 4 among the channels. */
export function randomConvolution(seed: number, options: { dilated?: boolean } = {}): RandomConvolution {
  const next = uniforms(seed * 7907 + 13);
  const whole = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const pick = <T>(list: readonly T[]): T => list[whole(0, list.length - 1)];
  for (;;) {
    const groups = pick([1, 1, 1, 2, 3, 4]);
    const per = pick([1, 2, 3, 4]);
    const channels = groups * per;
    // Now and then depthwise: as many groups as channels in and out.
    const out = groups > 1 && per === 1 && next() < 0.7 ? groups : groups * pick([1, 2, 4, 5]);
    const image: Image = [pick([1, 2, 3, 9]), whole(1, 9), whole(1, 9), channels];
    const size: [number, number] = [whole(1, 4), whole(1, 4)];
    const stride: [number, number] = [whole(1, 3), pick([1, 1, 2, 5])];
    const dilation: [number, number] =
      options.dilated === false ? [1, 1] : [pick([1, 1, 2]), pick([1, 1, 3])];
    const kind = pick(["same", "valid", "explicit"] as const);
    const pads = (axis: number): [number, number] => [whole(0, size[axis] - 1), whole(0, size[axis] - 1)];
    const padding =
      kind === "same"
        ? samePadding([image[1], image[2]], { size, stride, dilation })
        : kind === "valid"
          ? ([
              [0, 0],
              [0, 0],
            ] as const)
          : ([pads(0), pads(1)] as const);
    const window: NaiveWindow = { size, stride, dilation, padding };
    const [rows, columns] = outputOf(image, window);
    if (rows < 1 || columns < 1) continue;
    const draw = (count: number) =>
      Float64Array.from({ length: count }, () => Math.round((next() * 2 - 1) * 512) / 512);
    return {
      ...{ image, out, groups, window },
      padding: kind === "explicit" ? padding : kind,
      x: draw(image.reduce((a, b) => a * b)),
      w: draw(((size[0] * size[1] * channels) / groups) * out),
      g: draw(image[0] * rows * columns * out),
    };
  }
}
