// The real data of the lessons, cut to so many rows: digits, clothes, mails and texts. Nothing is downloaded.

import { tensor } from "gradgpu";
import { fashionMnist, type ImageDataset, type ImageSplit, mnist, NdArray } from "gradgpu/data";

/** Rows of an image set: pixels from 0 to 255, which `Input([784], { byteScale: 1 / 255 })` makes 0 to 1. */
export interface Images {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  readonly testX: Uint8Array;
  readonly testY: Uint8Array;
}

const loaded = new Map<typeof mnist, Promise<ImageDataset>>();

async function images(set: typeof mnist, rows: number, tests: number): Promise<Images> {
  if (!loaded.has(set)) loaded.set(set, set.load());
  const { train, test } = await loaded.get(set)!;
  const cut = ({ images, labels }: ImageSplit, count: number) =>
    [images.subarray(0, count * 784), labels.subarray(0, count)] as const;
  const [x, y] = cut(train, rows);
  const [testX, testY] = cut(test, tests);
  return { x, y, testX, testY };
}

/** The first rows of MNIST: of its 60,000 to train on, and of the 10,000 that are held back. */
export const digits = (rows: number, tests: number) => images(mnist, rows, tests);

/** The same of Fashion-MNIST: clothes. */
export const clothes = (rows: number, tests: number) => images(fashionMnist, rows, tests);

/** MNIST as tensors of bytes, under note 003's names: [rows, 28, 28] and [rows]. */
export async function digitTensors(rows: number, tests: number) {
  const { x, y, testX, testY } = await digits(rows, tests);
  return {
    train_image: tensor(x, [rows, 28, 28]),
    train_label: y,
    test_image: tensor(testX, [tests, 28, 28]),
    test_label: testY,
  };
}

/** Fashion-MNIST's training half as bytes, under note 004's names: [rows, 28, 28] and labels. */
export async function clothesRows(rows: number) {
  const { x, y } = await clothes(rows, 0);
  return { train_input: new NdArray(x, [rows, 28, 28]), train_target: y };
}
