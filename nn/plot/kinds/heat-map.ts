// Heat maps: a matrix in colours; and confusion matrices, whose colours are shares of rows and whose words are counts.

import { ShapeError } from "../../../engine/index.ts";
import { checkOptions, choiceOf, type OptionNames } from "../../../engine/internal.ts";
import { Chart } from "../chart.ts";
import { colourBarHeight, drawColourBar } from "../colour-bar.ts";
import { type ColourScale, cssOf, inkOn, rgbOf } from "../colours.ts";
import { type Numbers, namesOf, rowsOfNumbers } from "../data.ts";
import type { Panel } from "../panel.ts";
import { rasterGraphic } from "../raster.ts";
import { fitted, numberText, textGraphic, widthOf } from "../text.ts";
import { sizes } from "../theme.ts";

export interface HeatMapOptions {
  title?: string;
  subtitle?: string;
  /** Row by row, the first at the top. */
  values: readonly Numbers[];
  /** What the columns and rows are; default their numbers from 0. */
  columns?: readonly string[];
  rows?: readonly string[];
  xLabel?: string;
  yLabel?: string;
  /** What the numbers are, with their unit. */
  valueLabel?: string;
  /** "sequential" for amounts, "diverging" for what goes both ways from 0; default by whether values lie on both sides. */
  colours?: ColourScale;
  /** Which numbers the ends of the colours stand for; default the least and the largest, of diverging ones the larger both ways. */
  min?: number;
  max?: number;
  /** Whether each cell has its number; default where they fit. */
  showsValues?: boolean;
  formatValue?: (value: number) => string;
}

const heatMapOptions: OptionNames<HeatMapOptions> = {
  title: true,
  subtitle: true,
  values: true,
  columns: true,
  rows: true,
  xLabel: true,
  yLabel: true,
  valueLabel: true,
  colours: true,
  min: true,
  max: true,
  showsValues: true,
  formatValue: true,
};

/**
 * A matrix in colours.
 *
 *     heatMap({ title: "Weights of dense", xLabel: "unit", yLabel: "input", valueLabel: "weight", values: rows })
 *
 * @throws ArgumentError or ShapeError for what is no matrix
 */
export function heatMap(options: HeatMapOptions): Chart {
  const what = "heatMap";
  checkOptions(what, options, heatMapOptions);
  const { title, subtitle, colours, min, max } = options;
  const values = rowsOfNumbers(what, "values", options.values);
  const finite = values.flat().filter(Number.isFinite);
  const [least, most] = finite.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  const kind = choiceOf("colours", colours ?? (least < 0 && most > 0 ? "diverging" : "sequential"), [
    "sequential",
    "diverging",
  ]);
  const far = Math.max(Math.abs(least), Math.abs(most));
  let [low, high] = kind === "diverging" ? [min ?? -far, max ?? far] : [min ?? least, max ?? most];
  if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
  const text = options.formatValue ?? ((value: number) => numberText(Number(value.toPrecision(3))));
  return new Chart({
    title,
    subtitle,
    panels: [
      matrixPanel({
        label: `${values.length} by ${values[0].length} values${options.valueLabel ? ` of ${options.valueLabel}` : ""}, from ${text(least)} to ${text(most)}`,
        shares: values.map((row) => row.map((value) => (value - low) / (high - low))),
        words: values.map((row) => row.map((value) => (Number.isFinite(value) ? text(value) : ""))),
        columns: namesFor(what, "columns", options.columns, values[0].length),
        rows: namesFor(what, "rows", options.rows, values.length),
        hasNames: { columns: options.columns !== undefined, rows: options.rows !== undefined },
        xLabel: options.xLabel,
        yLabel: options.yLabel,
        showsWords: options.showsValues,
        colours: kind,
        bar: { range: [low, high], label: options.valueLabel, format: options.formatValue },
      }),
    ],
  });
}

const namesFor = (what: string, name: string, given: unknown, count: number): string[] =>
  given === undefined
    ? Array.from({ length: count }, (_, i) => String(i))
    : namesOf(what, name, given, count);

export interface ConfusionMatrixOptions {
  title?: string;
  subtitle?: string;
  /** Names of the classes, in their order; default their numbers. */
  classes?: readonly string[];
  /** What the rows and columns are; default "true class" and "predicted class". */
  yLabel?: string;
  xLabel?: string;
}

const confusionOptions: OptionNames<ConfusionMatrixOptions> = {
  title: true,
  subtitle: true,
  classes: true,
  xLabel: true,
  yLabel: true,
};

/**
 * How often each true class (rows) was taken for which (columns), as the metric `confusionMatrix` counts it. Cells have their
 * counts, and the colour of their share of the row.
 *
 *     confusionMatrix(history.history.valConfusionMatrix.at(-1), { classes: ["cat", "dog"] })
 *
 * @param counts a square matrix
 * @throws ShapeError for one that is not square
 */
export function confusionMatrix(counts: readonly Numbers[], options: ConfusionMatrixOptions = {}): Chart {
  const what = "confusionMatrix";
  checkOptions(what, options, confusionOptions);
  const values = rowsOfNumbers(what, "counts", counts);
  const size = values.length;
  if (values[0].length !== size)
    throw new ShapeError(`${what}: counts has ${size} rows of ${values[0].length}; it must be square`);
  const classes = namesFor(what, "classes", options.classes, size);
  const sums = values.map((row) => row.reduce((sum, value) => sum + value, 0));
  const right = values.reduce((sum, row, i) => sum + row[i], 0);
  const all = sums.reduce((sum, value) => sum + value, 0);
  const { title, subtitle, xLabel = "predicted class", yLabel = "true class" } = options;
  return new Chart({
    title,
    subtitle,
    panels: [
      matrixPanel({
        label: `Confusion of ${size} classes: ${numberText(all === 0 ? 0 : (100 * right) / all, 1)} % of ${numberText(all)} are right`,
        shares: values.map((row, i) => row.map((value) => (sums[i] === 0 ? 0 : value / sums[i]))),
        words: values.map((row) => row.map((value) => numberText(value))),
        columns: classes,
        rows: classes,
        hasNames: { columns: true, rows: true },
        xLabel,
        yLabel,
        colours: "sequential",
        bar: { range: [0, 1], label: "share of the row" },
      }),
    ],
  });
}

interface Matrix {
  readonly label: string;
  /** Where each cell's number lies in the colours, 0 to 1. */
  readonly shares: readonly (readonly number[])[];
  readonly words: readonly (readonly string[])[];
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** Whether the names were given, so that each must be seen. */
  readonly hasNames: { readonly columns: boolean; readonly rows: boolean };
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly showsWords?: boolean;
  readonly colours: ColourScale;
  readonly bar: { range: readonly [number, number]; label?: string; format?: (value: number) => string };
}

/** Above so many cells they are one picture of pixels. */
const mostCells = 2500;

function matrixPanel(matrix: Matrix): Panel {
  const { shares, words, columns, rows, xLabel, yLabel, colours, bar } = matrix;
  const [height, width] = [shares.length, shares[0].length];
  const rowNames = Math.min(130, Math.max(...rows.map((name) => widthOf(name, sizes.tick))) + 10);
  const cellIn = (room: number) => Math.min(64, (room - rowNames) / width);
  const isUpright = (cell: number) =>
    matrix.hasNames.columns && columns.some((name) => widthOf(name, sizes.tick) > cell - 4);
  const below = (cell: number) =>
    (isUpright(cell)
      ? Math.min(110, Math.max(...columns.map((name) => widthOf(name, sizes.tick)))) + 12
      : 22) +
    (xLabel ? 24 : 4) +
    colourBarHeight +
    (bar.label ? 18 : 0);
  const above = yLabel ? 24 : 4;
  return {
    label: matrix.label,
    height(room) {
      const cell = cellIn(room);
      return above + Math.min(Math.max(cell, height > 40 ? 0 : 14) * height, 620) + below(cell);
    },
    async draw(box, theme) {
      const cellWidth = cellIn(box.width);
      const cellHeight = (box.height - above - below(cellWidth)) / height;
      const [left, top] = [box.left + rowNames, box.top + above];
      const graphic: object[] = [];
      const right = left + cellWidth * width;
      const bottom = top + cellHeight * height;
      if (width * height > mostCells) {
        const pixels = Uint8Array.from(
          shares.flatMap((row) => row.flatMap((share) => rgbOf(colours, share, theme))),
        );
        const raster = { pixels, width, height, channels: 3 };
        const place = { left, top, width: right - left, height: bottom - top };
        graphic.push(await rasterGraphic(raster, place));
      }
      const widest = Math.max(...words.flat().map((word) => widthOf(word, sizes.tick)));
      const fits = widest <= cellWidth - 6 && cellHeight >= 16;
      const showsWords = width * height <= mostCells && (matrix.showsWords ?? fits);
      const size = fits
        ? sizes.tick
        : Math.max(8, Math.min(sizes.tick, (sizes.tick * (cellWidth - 4)) / widest));
      for (let r = 0; r < height && width * height <= mostCells; r++) {
        for (let c = 0; c < width; c++) {
          const colour = rgbOf(colours, shares[r][c], theme);
          const [x, y] = [left + c * cellWidth, top + r * cellHeight];
          const gap = Math.min(cellWidth, cellHeight) > 10 ? 1 : 0;
          const shape = { x: x + gap / 2, y: y + gap / 2, width: cellWidth - gap, height: cellHeight - gap };
          graphic.push({ type: "rect", silent: true, shape, style: { fill: cssOf(colour) } });
          if (showsWords)
            graphic.push(
              textGraphic({
                x: x + cellWidth / 2,
                y: y + cellHeight / 2,
                text: words[r][c],
                size,
                colour: inkOn(colour),
                align: "center",
              }),
            );
        }
      }
      const tick = { size: sizes.tick, colour: theme.muted };
      const everyRow = matrix.hasNames.rows ? Math.ceil(14 / cellHeight) : niceEvery(18 / cellHeight);
      for (let r = 0; r < height; r += everyRow) {
        const text = fitted(rows[r], rowNames - 10, sizes.tick);
        graphic.push(
          textGraphic({ x: left - 8, y: top + (r + 0.5) * cellHeight, text, align: "right", ...tick }),
        );
      }
      const turned = isUpright(cellWidth);
      const everyColumn = matrix.hasNames.columns ? Math.ceil(14 / cellWidth) : niceEvery(34 / cellWidth);
      for (let c = 0; c < width; c += everyColumn) {
        const x = left + (c + 0.5) * cellWidth;
        graphic.push(
          turned
            ? textGraphic({
                x,
                y: bottom + 8,
                text: fitted(columns[c], 110, sizes.tick),
                align: "right",
                rotation: Math.PI / 2,
                ...tick,
              })
            : textGraphic({ x, y: bottom + 12, text: columns[c], align: "center", ...tick }),
        );
      }
      const barTop = bottom + below(cellWidth) - colourBarHeight - (bar.label ? 18 : 0);
      if (yLabel) graphic.push(textGraphic({ x: box.left, y: box.top + 8, text: yLabel, ...tick }));
      if (xLabel)
        graphic.push(
          textGraphic({ x: (left + right) / 2, y: barTop - 14, text: xLabel, align: "center", ...tick }),
        );
      const place = { left: box.left, top: barTop + 10, width: box.width };
      graphic.push(
        ...drawColourBar(place, { colourAt: (share) => rgbOf(colours, share, theme), ...bar }, theme),
      );
      return { graphic };
    },
  };
}

/** A whole step of 1, 2 or 5 times a power of ten. */
function niceEvery(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((one) => one * power).find((step) => step >= least) ?? 1;
}
