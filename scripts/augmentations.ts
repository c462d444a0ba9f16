// Draws the pictures of docs/augmentation.md, a digit and what each augmentation makes of it:
// node scripts/run.mjs scripts/augmentations.ts [FOLDER]

import fs from "node:fs";
import path from "node:path";
import { deflateSync } from "node:zlib";
import { dispose, init, type Tensor, tensor } from "gradgpu";
import { mnist } from "gradgpu/data";
import {
  GaussianBlur,
  GaussianNoise,
  type Layer,
  RandomBrightness,
  RandomContrast,
  RandomCrop,
  RandomFlip,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
  Resizing,
} from "gradgpu/nn";

const folder = process.argv[2] ?? "docs/pictures/augmentation";
/** Beside the digit as it is. */
const drawn = 5;
/** Pixels of the picture for one of the digit's, and between two digits. */
const scale = 3;
const gap = 6;
const seed = 7;
const valueRange = [0, 1] as const;
const black = { fillMode: "constant" } as const;

const layers: Readonly<Record<string, Layer<Tensor, Tensor>>> = {
  "random-rotation": new RandomRotation(0.1, { ...black, seed }),
  "random-translation": new RandomTranslation(0.2, 0.2, { ...black, seed }),
  "random-zoom": new RandomZoom(0.4, { ...black, seed }),
  "random-flip": new RandomFlip("horizontalAndVertical", { seed }),
  "random-crop": new RandomCrop(20, 20, { seed }),
  "gaussian-blur": new GaussianBlur([0, 2], { seed }),
  "gaussian-noise": new GaussianNoise(0.2, { seed }),
  "random-brightness": new RandomBrightness(0.5, { valueRange, seed }),
  "random-contrast": new RandomContrast([-0.8, 0.8], { valueRange, seed }),
  resizing: new Resizing(9, 9),
};

/** Where anything outside of it comes from. */
const modes: Readonly<Record<string, Layer<Tensor, Tensor>>> = Object.fromEntries(
  (["constant", "nearest", "reflect", "wrap"] as const).map((fillMode) => [
    `fill-${fillMode}`,
    new RandomTranslation([0.3, 0.3], [0.3, 0.3], { fillMode, fillValue: 0.5 }),
  ]),
);

// The CPU reference: the pictures are the same wherever they are drawn.
await init({ device: "cpu", seed: 1 });
const { test } = await mnist.load();
const size = 28;
/** A 4 looks like itself from one side alone. */
const start = test.labels.indexOf(4) * size * size;
const digit = Float32Array.from(test.images.subarray(start, start + size * size), (byte) => byte / 255);
fs.mkdirSync(folder, { recursive: true });

interface Image {
  readonly height: number;
  readonly width: number;
  /** 0 to 1, row by row. */
  readonly values: ArrayLike<number>;
}

for (const [name, layer] of Object.entries({ ...layers, ...modes })) {
  const count = name.startsWith("fill") || name === "resizing" ? 1 : drawn;
  const x = tensor(
    Float32Array.from({ length: digit.length * count }, (_, i) => digit[i % digit.length]),
    { shape: [count, size, size, 1] },
  );
  const y = layer.call(x, { training: true });
  const [, height, width] = y.shape;
  const values = await y.data();
  const changed = Array.from({ length: count }, (_, i) => ({
    ...{ height, width },
    values: values.subarray(i * height * width, (i + 1) * height * width) as Float32Array,
  }));
  const file = path.join(folder, `${name}.png`);
  const bytes = png(sideBySide([{ height: size, width: size, values: digit }, ...changed]));
  fs.writeFileSync(file, bytes);
  console.log(`${file}: ${bytes.length} bytes`);
}
dispose();

/** Bytes of a grey picture: the images on white. */
function sideBySide(images: readonly Image[]): Image {
  const height = scale * Math.max(...images.map((image) => image.height));
  const width = images.reduce((total, image) => total + scale * image.width + gap, -gap);
  const values = new Uint8Array(height * width).fill(255);
  let left = 0;
  for (const image of images) {
    for (let y = 0; y < scale * image.height; y++) {
      for (let x = 0; x < scale * image.width; x++) {
        const value = image.values[Math.floor(y / scale) * image.width + Math.floor(x / scale)];
        values[y * width + left + x] = Math.round(255 * Math.min(Math.max(value, 0), 1));
      }
    }
    left += scale * image.width + gap;
  }
  return { height, width, values };
}

/** A grey PNG of eight bits a pixel. */
function png({ height, width, values }: Image): Buffer {
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = values[y * width + x];
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Node has one from 20.15 on. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
