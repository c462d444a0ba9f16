// Points, maps of values and bars on canvases, in the page's colours.

import { range } from "../setup/points.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

export interface Palette {
  /** Of class 0 and of numbers below 0. */
  readonly low: Rgb;
  readonly middle: Rgb;
  /** Of class 1 and of numbers above 0. */
  readonly high: Rgb;
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  /** Of kept runs: `--run-1` and so on. */
  readonly runs: readonly string[];
}

/** How many colours kept runs have. */
export const runColors = 6;

/** Dark and light. */
const known = new Map<boolean, Palette>();

/** What the stylesheet says, as it is dark or light now. */
export function palette(): Palette {
  const found = known.get(isDark()) ?? readPalette();
  known.set(isDark(), found);
  return found;
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
  const text = (name: string) => {
    probe.fillStyle = resolved(style.getPropertyValue(name).trim());
    return String(probe.fillStyle);
  };
  const rgb = (name: string): Rgb => {
    const hex = text(name);
    return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
  };
  return {
    low: rgb("--low"),
    middle: rgb("--middle"),
    high: rgb("--high"),
    ink: text("--ink"),
    muted: text("--muted"),
    line: text("--line"),
    surface: text("--surface"),
    runs: Array.from({ length: runColors }, (_, i) => text(`--run-${i + 1}`)),
  };
}

/** Canvases know no light-dark(). */
function resolved(value: string): string {
  const both = /^light-dark\((#\w+),\s*(#\w+)\)$/.exec(value);
  if (both === null) return value;
  return isDark() ? both[2] : both[1];
}

let wish: MediaQueryList | undefined;

export function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  wish ??= matchMedia("(prefers-color-scheme: dark)");
  return theme === undefined ? wish.matches : theme === "dark";
}

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

/** From -1, the low colour, over 0 to 1, the high one. */
export function colorAt(value: number, { low, middle, high }: Palette): Rgb {
  const share = Math.min(1, Math.abs(value));
  const end = value < 0 ? low : high;
  return [0, 1, 2].map((i) => Math.round(middle[i] + (end[i] - middle[i]) * share)) as unknown as Rgb;
}

/** Colours of values from -1 to 1 in 513 steps, as bytes in memory. */
const ramps = new WeakMap<Palette, Uint32Array>();
const rampEnd = 256;

function rampOf(colors: Palette): Uint32Array {
  const found = ramps.get(colors);
  if (found !== undefined) return found;
  const bytes = new Uint8ClampedArray(4 * (2 * rampEnd + 1));
  for (let i = 0; i <= 2 * rampEnd; i++) bytes.set([...colorAt(i / rampEnd - 1, colors), 255], 4 * i);
  const made = new Uint32Array(bytes.buffer);
  ramps.set(colors, made);
  return made;
}

interface Picture {
  readonly canvas: OffscreenCanvas;
  readonly context: OffscreenCanvasRenderingContext2D;
  readonly image: ImageData;
}

/** By size: small pictures are drawn many times a second, and making one takes longer than drawing on it. */
const pictures = new Map<string, Picture>();

function pictureOf(width: number, height: number): Picture {
  const key = `${width} ${height}`;
  const found = pictures.get(key);
  if (found !== undefined) return found;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  const made = { canvas, context, image: new ImageData(width, height) };
  pictures.set(key, made);
  return made;
}

/** Values of -1 to 1, [height, width], as a picture over the whole canvas. */
export function drawMap(
  context: CanvasRenderingContext2D,
  side: number,
  values: ArrayLike<number>,
  width: number,
  height: number,
  colors: Palette,
): void {
  const { canvas, context: small, image } = pictureOf(width, height);
  const ramp = rampOf(colors);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < words.length; i++) {
    const value = Math.min(1, Math.max(-1, values[i]));
    words[i] = ramp[Number.isNaN(value) ? rampEnd : Math.round((value + 1) * rampEnd)];
  }
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(canvas, 0, 0, side, (side * height) / width);
}

export interface PointOptions {
  readonly radius?: number;
  readonly isRegression?: boolean;
  /** From which one on they are drawn as rings. */
  readonly ringsFrom?: number;
}

export function drawPoints(
  context: CanvasRenderingContext2D,
  side: number,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  colors: Palette,
  { radius = 3, isRegression = false, ringsFrom = Number.POSITIVE_INFINITY }: PointOptions = {},
): void {
  for (let i = 0; i < y.length; i++) {
    const value = isRegression ? y[i] : 2 * y[i] - 1;
    context.beginPath();
    context.arc(
      ((x[2 * i] + range) / (2 * range)) * side,
      ((range - x[2 * i + 1]) / (2 * range)) * side,
      radius,
      0,
      2 * Math.PI,
    );
    const color = css(colorAt(value, colors));
    if (i >= ringsFrom) {
      context.lineWidth = 1.6;
      context.strokeStyle = color;
      context.fillStyle = colors.surface;
      context.fill();
      context.stroke();
      continue;
    }
    context.fillStyle = color;
    context.fill();
    if (radius < 2) continue;
    context.lineWidth = 1;
    context.strokeStyle = colors.surface;
    context.stroke();
  }
}

/** Draws bytes of an image, [height, width, channels], as large as the square. */
export function drawSeen(
  context: CanvasRenderingContext2D,
  side: number,
  { shape, values }: { readonly shape: readonly number[]; readonly values: Uint8Array },
): void {
  const [height, width, channels] = shape;
  const { canvas, context: small, image } = pictureOf(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = values[channels * i + Math.min(k, channels - 1)];
    image.data[4 * i + 3] = 255;
  }
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, side, side);
}
