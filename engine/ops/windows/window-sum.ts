// The kernel that sums over the taps of a window, channel by channel (window-sum.wgsl), and how it is specialised. It
// goes either way: from places of the window to the pixels they read, or back.

import windowSumSource from "../../../shaders/window-sum.wgsl";
import {
  type AdapterProfile,
  type HookBinding,
  input,
  type KernelPlan,
  output,
} from "../../kernel/kernel.ts";
import { longSumSource, manyTerms, plainSums, termAliases } from "../../kernel/long-sums.ts";
import { elementsGrid, elementsShader } from "../layout/copying.ts";
import { tapsOf, type Window, windowPreamble, windowWords } from "./windows.ts";

const windowSumShader = elementsShader(
  "window-sum",
  [longSumSource, windowPreamble, windowSumSource].join("\n"),
);

export interface WindowSum {
  readonly window: Window;
  /** "forth": a result for each place of the window; "back": one for each pixel it slides over. */
  readonly direction: "forth" | "back";
  readonly batch: number;
  readonly channels: number;
  /** Whether channels are taken four at a time. */
  readonly isWide: boolean;
  /** Names of the op's inputs in `term`, in order; the result is its first output. */
  readonly inputs: readonly string[];
  /** Types of their elements, where not the unit's. */
  readonly types?: Readonly<Record<string, string>>;
  /** WGSL body of `term`; default: the product of in0 and a weight in1 by tap and channel. */
  readonly term?: string;
  /** WGSL body of `finish`. */
  readonly finish?: string;
  readonly helpers?: Readonly<Record<string, string>>;
  /** Up to four words that `term` reads as `sizes.extra`. */
  readonly extra?: readonly number[];
  readonly profile: AdapterProfile;
}

/** Units of channels in a pixel, and workgroups for one call of `element` a unit of `pixels`. */
export function elementwiseGrid(
  pixels: number,
  channels: number,
  isWide: boolean,
  profile: AdapterProfile,
): { inner: number; count: number; segment: number; workgroups: readonly [number, number, number] } {
  const inner = isWide ? channels / 4 : channels;
  return { inner, ...elementsGrid(pixels * inner, profile) };
}

/** The plan of an op that is one sum over the window. */
export function windowSum(sum: WindowSum): KernelPlan {
  const { window, direction, batch, channels, isWide, profile } = sum;
  const [here, there] = direction === "forth" ? [window.output, window.input] : [window.input, window.output];
  const pixels = batch * here[0] * here[1];
  if (pixels * channels === 0) return { calls: [] };
  const { inner, count, segment, workgroups } = elementwiseGrid(pixels, channels, isWide, profile);
  const binding = (name: string, k: number, access: "read" | "read_write"): HookBinding => ({
    name,
    binding: k + 1,
    access,
    type: `array<${sum.types?.[name] ?? "Unit"}>`,
  });
  // A long window leaves `extra` its last word, a 0 that the compiler does not know.
  const isLong = tapsOf(window) >= manyTerms && (sum.extra?.length ?? 0) < 4;
  const functions: Record<string, string> = { ...sum.helpers, ...(isLong ? {} : plainSums) };
  if (direction === "back") {
    functions.partner =
      "fn partner(at: u32, tap: u32, stride: u32, dilation: u32, before: u32, extent: u32) -> u32 {\n  return output_at(at, tap, stride, dilation, before, extent);\n}";
  }
  if (sum.term !== undefined) {
    functions.term = `fn term(source: u32, yx: vec2u, pixel: u32, tap: u32, channel: u32) -> Unit {\n${sum.term}\n}`;
  }
  if (sum.finish !== undefined) {
    functions.finish = `fn finish(total: Unit, taps: u32) -> Unit {\n${sum.finish}\n}`;
  }
  return {
    calls: [
      {
        shader: windowSumShader,
        hooks: {
          aliases: { Unit: isWide ? "vec4f" : "f32", ...termAliases(isWide ? "vec4f" : "f32") },
          functions,
          bindings: [
            ...sum.inputs.map((name, k) => binding(name, k, "read")),
            binding("out0", sum.inputs.length, "read_write"),
          ],
        },
        sizes: [
          ...[count, segment, count, inner],
          ...windowWords(window, [...here, ...there, ...(sum.extra ?? [])]),
        ],
        operands: [...sum.inputs.map((_, k) => input(k)), output(0)],
        workgroups,
      },
    ],
  };
}
