// All steps of a recurrence in one kernel, and back: how it is cut into workgroups, in two variants, and when it pays.

import sharedGradientSource from "../../../shaders/recurrence-gradient-shared.wgsl";
import subgroupGradientSource from "../../../shaders/recurrence-gradient-subgroup.wgsl";
import sharedSource from "../../../shaders/recurrence-shared.wgsl";
import sizesSource from "../../../shaders/recurrence-sizes.wgsl";
import subgroupSource from "../../../shaders/recurrence-subgroup.wgsl";
import { DTypeError, ShaderError, ShapeError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import {
  type AdapterProfile,
  grid,
  type Hooks,
  type KernelPlan,
  type Operand,
  type Shader,
  type Spec,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { chosen, powerOfTwo } from "../../kernel/variants.ts";
import { type Beside, bindingsOf, gateFunctions } from "./gated-product.ts";
import { kernelParts } from "./kernel-parts.ts";

/**
 * `subgroup`: a subgroup of 8 lanes takes up to 16 rows through all steps, as software adapters want it. `shared`: a
 * workgroup takes four, their states in its memory, as GPUs want it.
 */
type Variant = "subgroup" | "shared";

const recurrenceShader = (name: string, source: string): Shader => shader(name, `${source}\n${sizesSource}`);

const shaders: Readonly<Record<Variant, Readonly<Record<"forward" | "gradient", Shader>>>> = {
  subgroup: {
    forward: recurrenceShader("recurrence-subgroup", subgroupSource),
    gradient: recurrenceShader("recurrence-gradient-subgroup", subgroupGradientSource),
  },
  shared: {
    forward: recurrenceShader("recurrence-shared", sharedSource),
    gradient: recurrenceShader("recurrence-gradient-shared", sharedGradientSource),
  },
};

/** What the choice of a variant depends on. */
export const recurrenceSources: string = Object.values(shaders)
  .flatMap(({ forward, gradient }) => [forward.source, gradient.source])
  .join("\n");

/** Units whose columns fit the workgroup memory that every adapter has. */
const mostUnits = 256;
/**
 * A quarter of a step's multiply-adds, beyond which a product of its own is quicker on software adapters: it reads a kernel for
 * 32 rows at once. On lavapipe 0.5 million gave 1.15 to 1.2 times the steps a second, 2 million 0.95, 4 million 0.85.
 */
const mostMultiplied = 2 ** 20;
/**
 * Bytes of the recurrent kernel that all workgroups together read at a step, beyond which one kernel would take longer than the
 * dispatches it saves on GPUs. An estimate: 5 microseconds at 3 TB/s from the last cache; none was measured.
 */
const mostRead = 16 * 2 ** 20;
const sharedRows = 4;
const lanes = 8;

/** Steps, rows of the batch, units. */
export interface Extent {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
}

const fits = ({ steps, batch, units }: Extent): boolean =>
  steps > 0 && batch > 0 && units > 0 && units % lanes === 0 && units <= mostUnits;

/** Whether one kernel for all steps is quicker than kernels for each; none is on the CPU reference. */
export function prefersOneKernel(
  family: string,
  extent: Extent,
  profile: AdapterProfile | undefined,
): boolean {
  if (profile === undefined || !fits(extent) || extent.steps < 2) return false;
  const { batch, units } = extent;
  const variant = soundVariant(family, extent, profile);
  return profile.isSoftware
    ? variant === "subgroup" && batch * units * units <= mostMultiplied
    : variant !== undefined && Math.ceil(batch / sharedRows) * 16 * units * units <= mostRead;
}

/** The variant that the adapter uses; undefined where none passed its check. */
function soundVariant(family: string, extent: Extent, profile: AdapterProfile): string | undefined {
  try {
    return chosen(recurrenceVariants(family, extent, profile), profile);
  } catch (error) {
    if (error instanceof ShaderError) return undefined;
    throw error;
  }
}

/**
 * Checks the operands of a recurrence.
 *
 * @param zx [batch, steps, 4 units]
 * @param u [units, 4 units]
 * @param start [states, batch, units]
 * @param mask [batch, steps, 1]
 * @param drop [batch, units]
 */
export function extentOf(
  op: string,
  [zx, u, start]: readonly Spec[],
  states: number,
  { mask, drop }: { mask: Spec | undefined; drop: Spec | undefined },
): Extent {
  const [batch, steps, width] = zx.shape;
  const extent = { steps, batch, units: width / 4 };
  const { units } = extent;
  for (const { dtype } of [zx, u, start, mask, drop].filter((one) => one !== undefined))
    if (dtype !== "f32") throw new DTypeError(`${op}: takes f32 tensors, got ${dtype}`);
  const want = (name: string, spec: Spec, shape: readonly number[]) => {
    if (String(spec.shape) === String(shape)) return;
    throw new ShapeError(
      `${op}: ${name} is ${showShape(spec.shape)}; beside the inputs' part ${showShape(zx.shape)} it must be ${showShape(shape)}`,
    );
  };
  if (zx.shape.length !== 3 || !fits(extent)) {
    throw new ShapeError(
      `${op}: the inputs' part is ${showShape(zx.shape)}; it must be [batch, steps, 4 units] of a multiple of ${lanes} units, ${mostUnits} at most`,
    );
  }
  want("u", u, [units, 4 * units]);
  want("the start", start, [states, batch, units]);
  if (mask !== undefined) want("the mask", mask, [batch, steps, 1]);
  if (drop !== undefined) want("what multiplies the states", drop, [batch, units]);
  return extent;
}

export function recurrenceVariants(
  family: string,
  { steps, batch, units }: Extent,
  profile: AdapterProfile,
): Variants {
  const { isSoftware, subgroupSize } = profile;
  const canHandAround = subgroupSize === lanes;
  return {
    family,
    problem: isSoftware ? undefined : `${powerOfTwo(steps)} ${powerOfTwo(batch)} ${powerOfTwo(units)}`,
    names: [
      ...(canHandAround && isSoftware ? ["subgroup"] : []),
      "shared",
      ...(canHandAround && !isSoftware ? ["subgroup"] : []),
    ],
  };
}

/** How one cell specialises the kernels: texts of functions, and the buffers that they name. */
export interface RecurrenceHooks {
  readonly functions: Readonly<Record<string, string>>;
  /** Of a unit, that the state before has a part in; three leave out a fourth of the multiply-adds. */
  readonly columns: 3 | 4;
  /** By the names that the files have for them, in the order of bindings. */
  readonly operands: readonly Operand[];
  readonly beside: readonly Beside[];
}

/** What subgroups leave out where the state before has no part in a unit's fourth column. */
const threeColumns: Readonly<Record<"forward" | "gradient", Hooks>> = {
  forward: {
    aliases: { Columns: "vec3f" },
    functions: {
      columns_of: "fn columns_of(value: vec4f) -> Columns {\n  return value.xyz;\n}",
      whole: "fn whole(value: Columns) -> vec4f {\n  return vec4f(value, 0.0);\n}",
    },
  },
  gradient: { consts: { has_fourth: "false" } },
};

export function recurrencePlan(
  family: string,
  kind: "forward" | "gradient",
  extent: Extent,
  turned: boolean,
  { functions, columns, operands, beside }: RecurrenceHooks,
  profile: AdapterProfile,
): KernelPlan {
  const { steps, batch, units } = extent;
  const variant = chosen(recurrenceVariants(family, extent, profile), profile) as Variant;
  // Two cores share a batch of 32; more rows a subgroup read the kernel less often.
  const blocks = Math.min(4, Math.ceil(batch / 8));
  const isShared = variant === "shared";
  const workgroup = Math.min(256, Math.ceil(units / 32) * 32);
  const byColumns = isShared || columns === 4 ? undefined : threeColumns[kind];
  const consts: Record<string, string> = isShared
    ? { WORKGROUP: `${workgroup}u`, MOST: `${powerOfTwo(units)}u` }
    : {
        blocks: `${blocks}u`,
        ...(kind === "forward" && units % (2 * lanes) === 0 ? { own: "2u" } : {}),
        ...byColumns?.consts,
      };
  const rows = isShared ? sharedRows : 4 * blocks;
  const all = [...operands, ...beside.map(({ operand }) => operand)];
  const parts =
    isShared || !profile.isSoftware ? undefined : kernelParts(kind, operands[1], units, all.length + 1);
  if (parts !== undefined) all.splice(1, 1, parts.operand);
  return {
    calls: [
      {
        shader: shaders[variant][kind],
        hooks: {
          consts,
          aliases: byColumns?.aliases,
          bindings: [...bindingsOf(beside, operands.length + 1), ...(parts?.bindings ?? [])],
          functions: {
            ...gateFunctions,
            ...functions,
            ...byColumns?.functions,
            ...(parts && { weights: parts.weights }),
          },
        },
        sizes: [steps, batch, units, turned ? 1 : 0, 1],
        operands: [...all, ...(parts?.operands ?? [])],
        workgroups: grid(Math.ceil(batch / rows), profile),
      },
    ],
  };
}
