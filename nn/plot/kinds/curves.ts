// Functions of one variable with their derivatives, as activations are shown.

import { ArgumentError } from "../../../engine/index.ts";
import { checkOptions, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { Chart } from "../chart.ts";
import { listOf, type Numbers, numbersOf, textOf } from "../data.ts";
import { linePanel } from "./lines.ts";

export interface ActivationCurve {
  name: string;
  /** Its values for an array of numbers: `async (x) => (await relu(tensor(x)).data())`. */
  values: Numbers | ((x: number[]) => Numbers | Promise<Numbers>);
  /** Its derivative's values in the same way. */
  derivative: Numbers | ((x: number[]) => Numbers | Promise<Numbers>);
}

export interface ActivationCurvesOptions {
  title?: string;
  subtitle?: string;
  curves: readonly ActivationCurve[];
  /** From where to where; default -5 to 5. */
  x?: readonly [from: number, to: number];
  /** Places at which they are worked out; default 201. */
  places?: number;
  /** Curves side by side at most. */
  columns?: number;
}

const curvesOptions: OptionNames<ActivationCurvesOptions> = {
  title: true,
  subtitle: true,
  curves: true,
  x: true,
  places: true,
  columns: true,
};

/**
 * Activation functions, each in a panel with its derivative dashed over the same axes.
 *
 *     const f = (x) => x.map(Math.tanh);
 *     await activationCurves({ curves: [{ name: "tanh", values: f, derivative: (x) => f(x).map((y) => 1 - y * y) }] });
 *
 * @throws ArgumentError or ShapeError for functions that give something else than a number for each place
 */
export async function activationCurves(options: ActivationCurvesOptions): Promise<Chart> {
  const what = "activationCurves";
  checkOptions(what, options, curvesOptions);
  const { title, subtitle, x: range = [-5, 5], places = 201, columns } = options;
  const [from, to] = numbersOf(what, "x", range, 2);
  if (!(from < to))
    throw new ArgumentError(`${what}: x goes from ${from} to ${to}; the first must be the lesser`);
  if (!Number.isInteger(places) || places < 2)
    throw new ArgumentError(`${what}: places must be a whole number from 2, got ${kindOf(places)}`);
  const curves = listOf<ActivationCurve>(what, "curves", options.curves);
  if (curves.length === 0) throw new ArgumentError(`${what}: curves is empty; give one at least`);
  const x = Array.from({ length: places }, (_, i) => from + ((to - from) * i) / (places - 1));
  const of = async (name: string, given: ActivationCurve["values"]): Promise<number[]> =>
    numbersOf(what, name, typeof given === "function" ? await given([...x]) : given, places);
  const panels = curves.map(async (curve, i) => {
    checkOptions(`${what}: curves[${i}]`, curve ?? null, { name: true, values: true, derivative: true });
    const panel = linePanel(what, {
      xLabel: "input",
      yLabel: "output, slope",
      x,
      series: [
        { name: "function", y: await of(`curves[${i}].values`, curve.values), markers: false },
        {
          name: "derivative",
          y: await of(`curves[${i}].derivative`, curve.derivative),
          line: "dashed",
          markers: false,
        },
      ],
    });
    return { ...panel, title: textOf(what, `curves[${i}].name`, curve.name) };
  });
  return new Chart({ title, subtitle, panels: await Promise.all(panels), columns });
}
