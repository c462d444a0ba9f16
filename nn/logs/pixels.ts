// Pictures as bytes: of tensors, which are scaled and cut on the device, and of pixels on the host.

import {
  ArgumentError,
  cast,
  clip,
  DTypeError,
  mul,
  noGrad,
  reshape,
  round,
  ShapeError,
  showShape,
  slice,
  Tensor,
  tidy,
} from "../../engine/index.ts";
import { kindOf } from "../../engine/internal.ts";

/** A picture on the host: bytes, row by row, of 1 to 4 channels (grey, grey and alpha, RGB, RGBA). */
export interface Pixels {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

interface Frames {
  /** Row by row, `channels` bytes a pixel. */
  readonly frames: readonly Uint8Array[];
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/**
 * @param what how errors begin
 * @param most frames at most
 */
export function pixelsOf(what: string, images: Tensor | Pixels, most: number): Promise<Frames> {
  if (images instanceof Tensor) return framesOf(what, images, most);
  const { data, width, height } = images ?? {};
  if (typeof data !== "object" || !(width > 0) || !(height > 0)) {
    throw new ArgumentError(
      `${what} must be a Tensor, or pixels as { data, width, height }, got ${kindOf(images)}`,
    );
  }
  const channels = data.length / (width * height);
  if (![1, 2, 3, 4].includes(channels)) {
    throw new ShapeError(
      `${what} has ${data.length} bytes for ${width} x ${height} pixels; each pixel must have 1 to 4`,
    );
  }
  return Promise.resolve({ frames: [Uint8Array.from(data)], width, height, channels });
}

/** Begins to read at once: the tensor may change afterwards. */
function framesOf(what: string, images: Tensor, most: number): Promise<Frames> {
  const { shape, dtype } = images;
  const [batch, height, width, channels] = (() => {
    if (shape.length === 2) return [1, ...shape, 1];
    return shape.length === 3 ? [1, ...shape] : shape;
  })();
  const isPicture = shape.length >= 2 && shape.length <= 4 && [1, 2, 3, 4].includes(channels);
  if (!isPicture || images.size === 0) {
    throw new ShapeError(
      `${what} is a Tensor ${showShape(shape)}; it must be [height, width], [height, width, channels] or [batch, height, width, channels], of 1 to 4 channels; reshape it`,
    );
  }
  if (dtype !== "f32" && dtype !== "u8") {
    throw new DTypeError(
      `${what} is a Tensor of ${dtype}; it must be f32 from 0 to 1, or u8 from 0 to 255: use cast(x, "f32")`,
    );
  }
  const count = Math.min(batch, most);
  const size = height * width * channels;
  const bytes = noGrad(() =>
    tidy(() => {
      const some = slice(reshape(images, [batch * size]), [0], [count * size]);
      return dtype === "u8" ? some : cast(round(mul(clip(some, 0, 1), 255)), "i32");
    }),
  );
  return bytes
    .data()
    .then((data) => {
      const all = Uint8Array.from(data);
      const frames = Array.from({ length: count }, (_, i) => all.subarray(i * size, (i + 1) * size));
      return { frames, width, height, channels };
    })
    .finally(() => bytes.dispose());
}
