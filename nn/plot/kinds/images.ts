// Images in a grid, each with its caption: digits, augmentations, filters.

import { ArgumentError, ShapeError } from "../../../engine/index.ts";
import { atLeastOne, checkOptions, type OptionNames } from "../../../engine/internal.ts";
import { Chart } from "../chart.ts";
import { listOf, type Numbers, numbersOf, textOf } from "../data.ts";
import type { Panel } from "../panel.ts";
import { rasterGraphic } from "../raster.ts";
import { fitted, textGraphic } from "../text.ts";
import { sizes } from "../theme.ts";

export interface GridImage {
  /** Row by row, of each pixel its channels: grey (1), RGB (3) or RGBA (4). */
  pixels: Numbers;
  /** In pixels. */
  width: number;
  height: number;
  /** Below it. */
  caption?: string;
  /** Whether its caption stands out, as that of one that was taken for another. */
  isMarked?: boolean;
}

export interface ImageGridOptions {
  title?: string;
  subtitle?: string;
  images: readonly GridImage[];
  /** Side by side at most; default as many as find 64 pixels each, 10 at most. Fewer where each would have less than 56. */
  columns?: number;
  /** Values of black and of full brightness: 0 and 1 (the default), or 0 and 255. */
  range?: readonly [low: number, high: number];
}

const imageGridOptions: OptionNames<ImageGridOptions> = {
  title: true,
  subtitle: true,
  images: true,
  columns: true,
  range: true,
};

const imageOptions: OptionNames<GridImage> = {
  pixels: true,
  width: true,
  height: true,
  caption: true,
  isMarked: true,
};

interface Picture {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly caption: string | undefined;
  readonly isMarked: boolean;
}

/**
 * Images side by side.
 *
 *     imageGrid({ title: "Taken for others", range: [0, 255], images: [{ pixels, width: 28, height: 28, caption: "4, not 9" }] })
 *
 * @throws ArgumentError or ShapeError for what are no images
 */
export function imageGrid(options: ImageGridOptions): Chart {
  const what = "imageGrid";
  checkOptions(what, options, imageGridOptions);
  const { title, subtitle, columns, range = [0, 1] } = options;
  const [low, high] = numbersOf(what, "range", range, 2);
  if (!(low < high))
    throw new ArgumentError(`${what}: range is ${low} to ${high}; the first must be the lesser`);
  if (columns !== undefined) atLeastOne(what, "columns", columns);
  const given = listOf<GridImage>(what, "images", options.images);
  if (given.length === 0) throw new ArgumentError(`${what}: images is empty; give one at least`);
  const pictures = given.map((image, i): Picture => {
    const name = `images[${i}]`;
    checkOptions(`${what}: ${name}`, image ?? null, imageOptions);
    const width = atLeastOne(`${what}: ${name}`, "width", image.width);
    const height = atLeastOne(`${what}: ${name}`, "height", image.height);
    const values = numbersOf(what, `${name}.pixels`, image.pixels);
    const channels = values.length / (width * height);
    if (![1, 3, 4].includes(channels))
      throw new ShapeError(
        `${what}: ${name} has ${values.length} values for ${width} by ${height} pixels; each pixel must have 1, 3 or 4`,
      );
    const bytes = Uint8Array.from(values, (value) =>
      Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low)))),
    );
    const caption = image.caption === undefined ? undefined : textOf(what, `${name}.caption`, image.caption);
    return { bytes, width, height, channels, caption, isMarked: image.isMarked ?? false };
  });
  return new Chart({ title, subtitle, panels: [gridPanel(pictures, columns)] });
}

function gridPanel(pictures: readonly Picture[], most: number | undefined): Panel {
  const gap = 12;
  const captionHeight = pictures.some(({ caption }) => caption) ? 20 : 0;
  const grid = (width: number) => {
    const fits = (cell: number) => Math.max(1, Math.floor((width + gap) / (cell + gap)));
    const wanted = Math.min(pictures.length, most ?? Math.min(10, fits(64)));
    // Where they would be too small to see, rows are parted into equal ones.
    const count = Math.ceil(wanted / Math.ceil(wanted / fits(56)));
    const cell = Math.min(140, (width - gap * (count - 1)) / count);
    const tall = Math.max(...pictures.map((one) => one.height / one.width)) * cell;
    return { count, cell, tall, rows: Math.ceil(pictures.length / count) };
  };
  const named = pictures.flatMap(({ caption }) => caption ?? []);
  return {
    label: `${pictures.length} images${named.length > 0 ? `: ${named.slice(0, 12).join("; ")}${named.length > 12 ? " and others" : ""}` : ""}`,
    height(width) {
      const { tall, rows } = grid(width);
      return rows * (tall + captionHeight + gap) - gap;
    },
    async draw(box, theme) {
      const { count, cell, tall } = grid(box.width);
      const drawn = pictures.map(async ({ bytes, width, height, channels, caption, isMarked }, i) => {
        const [x, y] = [
          box.left + (i % count) * (cell + gap),
          box.top + Math.floor(i / count) * (tall + captionHeight + gap),
        ];
        const high = (cell * height) / width;
        const raster = { pixels: bytes, width, height, channels };
        const frame = { x: x - 0.5, y: y - 0.5, width: cell + 1, height: high + 1 };
        const parts: object[] = [
          await rasterGraphic(raster, { left: x, top: y, width: cell, height: high }),
          {
            type: "rect",
            silent: true,
            shape: frame,
            style: {
              fill: "none",
              stroke: isMarked ? theme.series[1] : theme.axis,
              lineWidth: isMarked ? 2 : 1,
            },
          },
        ];
        if (caption)
          parts.push(
            textGraphic({
              x: x + cell / 2,
              y: y + tall + 12,
              text: fitted(caption, cell + gap - 4, sizes.tick),
              size: sizes.tick,
              colour: isMarked ? theme.series[1] : theme.muted,
              align: "center",
              isBold: isMarked,
            }),
          );
        return parts;
      });
      return { graphic: (await Promise.all(drawn)).flat() };
    },
  };
}
