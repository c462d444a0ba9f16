// Pictures made of pixels within a chart, as elements of it.

import { png } from "../logs/png.ts";
import type { Box } from "./panel.ts";

export interface Raster {
  /** Row by row, `channels` bytes each: grey, grey and alpha, RGB, or RGBA. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** A picture that fills a box. */
export async function rasterGraphic(raster: Raster, box: Box, z = 0): Promise<object> {
  const { width, height } = raster;
  return {
    type: "image",
    silent: true,
    z,
    x: box.left,
    y: box.top,
    // Pictures keep their proportions, so they are drawn in their own size and stretched.
    scaleX: box.width / width,
    scaleY: box.height / height,
    style: { image: await addressOf(raster), x: 0, y: 0, width, height },
  };
}

async function addressOf({ pixels, width, height, channels }: Raster): Promise<string> {
  const bytes = await png(pixels, width, height, channels);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000)
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return `data:image/png;base64,${btoa(text)}`;
}
