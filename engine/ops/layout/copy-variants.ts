// Copies that come in two variants: each element is found by itself (elements.wgsl), or threads go along runs
// (copy-runs.wgsl). Their shaders find the sources of four words side by side at once.

import copyRunsSource from "../../../shaders/copy-runs.wgsl";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  type KernelCall,
  type Shader,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { chosen } from "../../kernel/variants.ts";
import { type Copy, copyCall, type UnitBytes } from "./copying.ts";
import { elementsShader } from "./elements.ts";

export interface CopyShaders {
  readonly elements: Shader;
  readonly runs: Shader;
}

/** A shader in both variants; `source` is what stands in front of the loops. */
export const copyShaders = (name: string, source: string): CopyShaders => ({
  elements: elementsShader(name, source),
  runs: shader(`${name}-runs`, `${source}\n${copyRunsSource}`),
});

/** What the choice between them depends on, for a family's `sources`. */
export const copySources = ({ elements }: CopyShaders): string => `${elements.source}\n${copyRunsSource}`;

/** Units in the shortest run that copy-runs.wgsl takes: what its WORKGROUP makes at once. Bytes go element by element. */
const shortestRun: Readonly<Record<UnitBytes, number>> = { 16: 8, 4: 32, 1: Number.POSITIVE_INFINITY };

/** The variants of a copy in whose output so many units of the innermost axis lie side by side. */
export function copyVariants(
  family: string,
  unit: UnitBytes,
  run: number,
  profile: AdapterProfile,
): Variants | undefined {
  if (run < shortestRun[unit]) return undefined;
  // Runs take a third to nine tenths of the time on lavapipe, of eight lanes, and 1.4 to 4 times as long on SwiftShader, of
  // four. GPUs have nothing to gain: their arithmetic on indices hides behind loads.
  const isQuick = profile.subgroupSize === numbersOf(profile).lanesThatCopyRuns;
  return { family, problem: undefined, names: isQuick ? ["runs", "elements"] : ["elements", "runs"] };
}

export interface VariedCopy extends Omit<Copy, "shader" | "element" | "aliases"> {
  readonly shaders: CopyShaders;
  readonly variants: Variants | undefined;
  /** The shader's types for one unit, where it stands with those for four words side by side. */
  readonly single: Readonly<Record<string, string>>;
  /** A better `element` for words where no runs are, by a `source` of single units. */
  readonly element?: string;
}

/** The one dispatch of a copy, in the variant that the device uses. */
export function variedCopy({ shaders, variants, single, element, ...copy }: VariedCopy): KernelCall {
  const goesAlong = variants !== undefined && chosen(variants, copy.profile) === "runs";
  const isFour = copy.unit === 4 && (goesAlong || element === undefined);
  const shared: Omit<Copy, "shader"> = {
    ...copy,
    element: isFour ? null : element,
    aliases: isFour ? {} : single,
  };
  if (!goesAlong) return copyCall({ ...shared, shader: shaders.elements });
  const wide = {
    consts: { ...copy.consts, UNITS: "1u" },
    functions: {
      ...copy.functions,
      along: "fn along(i: u32, run: Run, column: u32) {\n  out0[i] = fetch(in_run(run, column));\n}",
    },
  };
  return copyCall({ ...shared, ...(isFour ? {} : wide), shader: shaders.runs });
}
