// PNG and JPEG files decoded to bytes of one size: by the npm package `sharp` in Node, by the browser in pages.

import { DataError, printable } from "../../engine/base/errors.ts";
import { isNode } from "../sources/files.ts";
import { optionalPackage } from "../sources/packages.ts";

export interface ImageForm {
  readonly height: number;
  readonly width: number;
  readonly isGray: boolean;
  /** Cuts off what doesn't fit the form, in place of stretching. */
  readonly isCropped: boolean;
  readonly mostPixels: number;
}

/**
 * Pixels row by row, three bytes each, or one where they are gray. Cameras' notes on which side is up are followed, and what is
 * transparent is black.
 *
 * @throws DataError where it is no PNG or JPEG, is damaged, or has too many pixels
 */
export async function decodeImage(name: string, bytes: Uint8Array, form: ImageForm): Promise<Uint8Array> {
  const size = imageSize(bytes);
  if (size === undefined)
    throw new DataError(`${printable(name)}: is no PNG or JPEG file; leave it out or convert it`);
  const [width, height] = size;
  if (width * height > form.mostPixels || width * height === 0) {
    throw new DataError(
      `${printable(name)}: has ${width} x ${height} pixels, more than none and at most ${form.mostPixels} may be; raise { maxPixels } if that is right`,
    );
  }
  let rgb: Uint8Array;
  try {
    rgb = isNode() ? await bySharp(bytes, form) : await byBrowser(bytes, form);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      `${printable(name)}: is damaged (${(error as Error).message}); get it again or leave it out`,
      {
        cause: error,
      },
    );
  }
  return form.isGray ? gray(rgb) : rgb;
}

/** Width and height by the header; undefined for other files. */
export function imageSize(bytes: Uint8Array): readonly [width: number, height: number] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 24 && view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a)
    return view.getUint32(12) === 0x49484452 ? [view.getUint32(16), view.getUint32(20)] : undefined;
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    // A marker may be filled up with more bytes of ones.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

interface Sharp {
  rotate(): Sharp;
  flatten(options: { background: string }): Sharp;
  toColourspace(space: string): Sharp;
  resize(width: number, height: number, options: { fit: string }): Sharp;
  raw(): Sharp;
  toBuffer(options: { resolveWithObject: true }): Promise<{ data: Uint8Array; info: { channels: number } }>;
}

async function bySharp(bytes: Uint8Array, form: ImageForm): Promise<Uint8Array> {
  const { default: sharp } = await optionalPackage<{
    default: (bytes: Uint8Array, options: object) => Sharp;
  }>("sharp", "decoding images in Node");
  const limit = form.mostPixels === Infinity ? false : form.mostPixels;
  const { data, info } = await sharp(bytes, { failOn: "error", limitInputPixels: limit })
    .rotate()
    .flatten({ background: "#000000" })
    .toColourspace("srgb")
    .resize(form.width, form.height, { fit: form.isCropped ? "cover" : "fill" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
  return data;
}

async function byBrowser(bytes: Uint8Array, form: ImageForm): Promise<Uint8Array> {
  const { width, height } = form;
  const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  try {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (context === null) throw new Error("the browser gives no canvas");
    context.imageSmoothingQuality = "high";
    const scale = Math.min(bitmap.width / width, bitmap.height / height);
    const [w, h] = form.isCropped ? [width * scale, height * scale] : [bitmap.width, bitmap.height];
    context.drawImage(bitmap, (bitmap.width - w) / 2, (bitmap.height - h) / 2, w, h, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return Uint8Array.from({ length: 3 * width * height }, (_, i) => data[Math.floor(i / 3) * 4 + (i % 3)]);
  } finally {
    bitmap.close();
  }
}

/** Brightness by ITU-R 601, as PIL and Keras have it. */
function gray(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < out.length; i++)
    out[i] = Math.round(0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2]);
  return out;
}
