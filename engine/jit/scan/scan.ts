// scan: a function that runs once for each step of a sequence. Op by op it is a loop in JavaScript; in jit it is traced
// once, and its gradient is a loop that goes the other way.

import { recordBlock, runBlock } from "../../autograd/block.ts";
import { Tape } from "../../autograd/tape.ts";
import { settingsAgain, withAmbient } from "../../base/ambient.ts";
import { isFloat } from "../../base/dtype.ts";
import {
  ArgumentError,
  checkFunction,
  checkOptions,
  DeviceError,
  isPromise,
  kindOf,
  type OptionNames,
  ShapeError,
} from "../../base/errors.ts";
import { atLeastOne } from "../../base/number-checks.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { leavesOf, mapTree, type Tree, withLeaves } from "../../base/tree.ts";
import { concat } from "../../ops/layout/concat.ts";
import { reshape } from "../../ops/layout/reshape.ts";
import { slice } from "../../ops/layout/slice.ts";
import type { Device } from "../../tensor/device.ts";
import type { Op, VjpContext } from "../../tensor/op.ts";
import { noGrad, type Recorder, recorders } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { Variable } from "../../tensor/variable.ts";
import { type TraceBackend, TracedMemory } from "../trace.ts";
import { Assigned } from "./assigned.ts";
import { type Kept, type TracedLoop, traceLoop, traceOf } from "./trace-loop.ts";

export interface ScanOptions {
  /** How many steps; needed only where there are no `xs`. */
  length?: number;
  /** Whether the last row comes first; what is stacked lies at the place of its row. */
  reverse?: boolean;
}

const scanOptions: OptionNames<ScanOptions> = { length: true, reverse: true };

/** What a step gives beside the carry: tensors, alone or in arrays and plain objects, or nothing. */
export type ScanOutput = Tree<Tensor> | undefined | null;

/**
 * Runs `step` once for each row of `xs`, from one to the next with a carry:
 *
 *     const [last, states] = scan((h, x) => { const next = tanh(add(matmul(x, w), matmul(h, u))); return [next, next]; }, h0, xs);
 *
 * In `jit` the step is traced once, whatever the length, its kernels are planned once, and so is its gradient, which
 * needs the carries of all steps and what a step's products gave; elsewhere ops run as they come. A step always runs as
 * often as there are rows: where to stop can't depend on values.
 *
 * @param step takes the carry and a row, and returns the next carry, of the same shapes and dtypes, and what is stacked
 *   over the steps; it may read other tensors and Variables, and assign Variables
 * @param carry a tensor, or several in arrays and plain objects
 * @param xs [steps, ...] each; undefined with `length`
 * @returns the last carry, and the outputs stacked: [steps, ...] each
 * @throws ShapeError where `xs` have unequal first axes or none, or the next carry is not like the one before
 */
export function scan<C extends Tree<Tensor>, X extends Tree<Tensor> | undefined, Y extends ScanOutput>(
  step: (carry: C, x: X) => readonly [C, Y] | readonly [C],
  carry: C,
  xs: X,
  options: ScanOptions = {},
): [C, Y] {
  checkOptions("scan", options, scanOptions);
  checkFunction(
    "scan",
    step,
    "computes one step, as in (h, x) => [tanh(add(h, x)), h]",
    "it runs for each row",
  );
  return tidy(() => new Scan(step as unknown as AnyStep, carry, xs, options).run() as [C, Y]);
}

type AnyStep = (carry: Tree<Tensor>, x: Tree<Tensor> | undefined) => readonly [Tree<Tensor>, ScanOutput?];

/** What one step gives, as lists. */
interface Stepped {
  readonly carry: Tensor[];
  readonly outputs: Tensor[];
}

class Scan {
  readonly #step: AnyStep;
  readonly #carryTree: Tree<Tensor>;
  readonly #xsTree: Tree<Tensor> | undefined;
  readonly #carry: readonly Tensor[];
  readonly #xs: readonly Tensor[];
  readonly #length: number;
  readonly #isReversed: boolean;
  readonly #device: Device;
  /** The form of what steps give; known when the first has run. */
  #outputTree: ScanOutput;

  constructor(step: AnyStep, carry: Tree<Tensor>, xs: Tree<Tensor> | undefined, options: ScanOptions) {
    this.#step = step;
    this.#carryTree = carry;
    this.#xsTree = xs;
    this.#carry = tensorsOf("the carry", carry);
    this.#xs = xs === undefined ? [] : tensorsOf("xs", xs);
    this.#length = lengthOf(this.#xs, options.length);
    this.#isReversed = options.reverse ?? false;
    const [first, ...others] = [...this.#carry, ...this.#xs];
    if (first === undefined)
      throw new ArgumentError("scan: there is neither a carry nor xs; pass the tensors that a step works on");
    const other = others.find(({ device }) => device !== first.device);
    if (other !== undefined) {
      throw new DeviceError(
        `scan: its tensors are on two devices (${first.device.name} and ${other.device.name}); copy one over`,
      );
    }
    this.#device = first.device;
  }

  run(): [Tree<Tensor>, ScanOutput] {
    const { carry, outputs } =
      traceOf(this.#device) === undefined ? this.#unrolled(this.#carry, this.#xs) : this.#traced();
    const stacked = this.#outputTree == null ? this.#outputTree : withLeaves(this.#outputTree, outputs);
    return [withLeaves(this.#carryTree, carry), stacked];
  }

  /** One step, its results checked. */
  #once(carry: readonly Tensor[], xs: readonly Tensor[]): Stepped {
    const x = this.#xsTree === undefined ? undefined : withLeaves(this.#xsTree, xs);
    const result = this.#step(withLeaves(this.#carryTree, carry), x);
    if (!Array.isArray(result) || result.length < 1 || result.length > 2) {
      const got = isPromise(result) ? "a promise" : kindOf(result);
      throw new ArgumentError(`scan: a step must return [carry, outputs], got ${got}`);
    }
    const [next, output] = result as [Tree<Tensor>, ScanOutput?];
    const found = tensorsOf("the carry that a step returned", next);
    const paths = leafPaths(this.#carryTree);
    if (String(leafPaths(next)) !== String(paths)) {
      throw new ArgumentError(
        `scan: a step returned a carry of another form than it got: ${leafPaths(next).join(", ") || "one tensor"} in the place of ${paths.join(", ") || "one tensor"}`,
      );
    }
    found.forEach((tensor, i) => {
      const { shape, dtype } = this.#carry[i];
      if (sameShape(tensor.shape, shape) && tensor.dtype === dtype) return;
      const name = paths[i] === "" ? "" : ` "${paths[i]}"`;
      throw new ShapeError(
        `scan: a step returned ${tensor.dtype} ${showShape(tensor.shape)} for the carry${name}, which is ${dtype} ${showShape(shape)}; it must keep shape and dtype from step to step`,
      );
    });
    this.#outputTree = output;
    return { carry: found, outputs: output == null ? [] : tensorsOf("what a step returned", output) };
  }

  /** Step by step, each op as it comes. */
  #unrolled(carry: readonly Tensor[], xs: readonly Tensor[]): Stepped {
    const rows: Tensor[][] = [];
    let now = carry;
    for (let step = 0; step < this.#length; step++) {
      const at = this.#isReversed ? this.#length - 1 - step : step;
      const { carry: next, outputs } = tidy(() =>
        this.#once(
          now,
          xs.map((x) => rowOf(x, at)),
        ),
      );
      now = next;
      rows[at] = outputs;
    }
    const outputs = rows[0].map((_, k) =>
      concat(
        rows.map((row) => reshape(row[k], [1, ...row[k].shape])),
        0,
      ),
    );
    return { carry: [...now], outputs };
  }

  #traced(): Stepped {
    const isRecorded = recorders.value.length > 0;
    const random = this.#device.random;
    const streams = random.position;
    const settings = settingsAgain();
    let assigned = new Assigned([]);
    const given = [...this.#carry, ...this.#xs];
    const count = this.#carry.length;
    let outputCount = 0;
    let noter: Noter | undefined;
    let loopKept: Pick<TracedLoop, "kept" | "held"> | undefined;
    const loop = (): Tensor[] => {
      const states = assigned.variables.length;
      const made = traceLoop({
        keeps: isRecorded,
        device: this.#device,
        length: this.#length,
        isReversed: this.#isReversed,
        carry: [...this.#carry, ...assigned.before],
        rows: this.#xs,
        shifted: [],
        body: (now, rows) => {
          noter = new Noter([...now, ...rows]);
          const { result, after } = recorders.with([...recorders.value, noter], () =>
            assigned.run(now.slice(count), () => this.#once(now.slice(0, count), rows)),
          );
          outputCount = result.outputs.length;
          const next = [...result.carry, ...after];
          return { carry: next, stacks: [...result.outputs, ...(isRecorded ? next : [])], sums: [] };
        },
      });
      const { carry, stacks } = made;
      loopKept = made;
      if (assigned.found.length > states) {
        // A Variable that steps assign is a carry like others.
        assigned = new Assigned(assigned.found);
        random.position = streams;
        return loop();
      }
      noGrad(() => assigned.finish(carry.slice(count)));
      return [...carry.slice(0, count), ...stacks];
    };
    if (!isRecorded) {
      const all = loop();
      return { carry: all.slice(0, count), outputs: all.slice(count) };
    }
    const { outputs, captured: tracked } = runBlock(loop, given, () => new Error("scan gives lists"));
    const { kept, held } = loopKept!;
    const captured = [...tracked];
    const known = new Set(tracked.map(({ id }) => id));
    captured.push(...[...noter!.outside.values()].filter(({ id }) => !known.has(id)));
    const inputs = [...given, ...captured, ...assigned.before, ...held];
    const historyAt = count + outputCount;
    const vjp = (context: VjpContext): (Tensor | null)[] => {
      const now = random.position;
      random.position = streams;
      try {
        // What steps read of the scope that the scan stood in may be gone: the tape holds its memory.
        const lent = (k: number, fn: () => (Tensor | null)[]): (Tensor | null)[] => {
          if (k === captured.length) return fn();
          const saved = context.input(given.length + k);
          return captured[k].lend(saved.memory, () => lent(k + 1, fn));
        };
        const pull = () => this.#pull(context, captured, assigned, historyAt, kept);
        return withAmbient(settings, () => lent(0, pull));
      } finally {
        random.position = now;
      }
    };
    recordBlock(
      {
        name: "scan",
        infer: () => [],
        vjp,
        saves: {
          inputs: inputs.map((_, k) => k),
          outputs: outputs.map((_, k) => k).filter((k) => k >= historyAt),
        },
        samples: [],
      },
      inputs,
      outputs,
    );
    return { carry: outputs.slice(0, count), outputs: outputs.slice(count, historyAt) };
  }

  /** The backward rule: a loop the other way, in which each step runs again from its carry and is differentiated. */
  #pull(
    context: VjpContext,
    captured: readonly Tensor[],
    assigned: Assigned,
    historyAt: number,
    kept: Kept,
  ): (Tensor | null)[] {
    assigned.checkReads();
    const count = this.#carry.length;
    const xsAt = count;
    const capturedAt = xsAt + this.#xs.length;
    const statesAt = capturedAt + captured.length;
    const input = (k: number) => context.input(k);
    const xs = this.#xs.map((_, k) => input(xsAt + k));
    // Handles by which the step itself reads them.
    const own = captured.map((tensor, k) => {
      const saved = input(capturedAt + k);
      return tensor instanceof Variable ? tensor : saved;
    });
    const isFloatAt = (list: readonly Tensor[]) =>
      list.flatMap(({ dtype }, k) => (isFloat(dtype) ? [k] : []));
    const carries = isFloatAt(this.#carry);
    const rows = isFloatAt(xs).filter((k) => context.needs(xsAt + k));
    const wholes = own.flatMap((_, k) => (context.needs(capturedAt + k) ? [k] : []));
    const keptAt = statesAt + assigned.variables.length;
    const held = context.inputSpecs.slice(keptAt).map((_, k) => input(keptAt + k));
    const all = context.inputSpecs.map((): Tensor | null => null);
    if (recorders.value.length > 0) {
      this.#pullUnrolled(context, own, all, { carries, rows, wholes });
      return all;
    }
    const seeded = Array.from({ length: historyAt - count }, (_, k) => count + k).filter((k) =>
      context.hasGrad(k),
    );
    const results = traceLoop({
      device: this.#device,
      length: this.#length,
      isReversed: !this.#isReversed,
      again: { kept, held },
      carry: carries.map((k) => context.grad(k)),
      rows: [...xs, ...seeded.map((k) => context.grad(k))],
      shifted: [...this.#carry, ...assigned.variables].map((_, k) => ({
        rows: context.output(historyAt + k),
        last: input(k < count ? k : statesAt + k - count),
      })),
      body: (gradients, given, before) => {
        const x = given.slice(0, xs.length);
        const wanted = [
          ...carries.map((k) => before[k]),
          ...rows.map((k) => x[k]),
          ...wholes.map((k) => own[k]),
        ];
        const tape = new Tape({ watchVariables: false, isPrivate: true }).watch(...wanted);
        try {
          const { result } = tape.record(() =>
            assigned.run(before.slice(count), () => this.#once(before.slice(0, count), x)),
          );
          const roots = [
            ...carries.map((k) => result.carry[k]),
            ...seeded.map((k) => result.outputs[k - count]),
          ];
          const seeds = [...gradients, ...given.slice(xs.length)];
          const found = tape.pull(roots, seeds, wanted, { what: "scan", frees: true, allowsConstants: true });
          return {
            carry: found.slice(0, carries.length),
            stacks: found.slice(carries.length, carries.length + rows.length),
            sums: found.slice(carries.length + rows.length),
          };
        } finally {
          tape.dispose();
        }
      },
    });
    carries.forEach((k, i) => {
      all[k] = results.carry[i];
    });
    rows.forEach((k, i) => {
      all[xsAt + k] = results.stacks[i];
    });
    wholes.forEach((k, i) => {
      all[capturedAt + k] = results.sums[i];
    });
    return all;
  }

  /** The same where a tape looks on, for gradients of gradients: all steps' ops one after the other. */
  #pullUnrolled(
    context: VjpContext,
    own: readonly Tensor[],
    all: (Tensor | null)[],
    wanted: Readonly<Record<"carries" | "rows" | "wholes", readonly number[]>>,
  ): void {
    const count = this.#carry.length;
    const xsAt = count;
    const capturedAt = xsAt + this.#xs.length;
    const carry = this.#carry.map((_, k) => context.input(k));
    const xs = this.#xs.map((_, k) => context.input(xsAt + k));
    const places = [
      ...wanted.carries.map((k) => ({ at: k, tensor: carry[k] })),
      ...wanted.rows.map((k) => ({ at: xsAt + k, tensor: xs[k] })),
      ...wanted.wholes.map((k) => ({ at: capturedAt + k, tensor: own[k] })),
    ];
    const targets = places.map(({ tensor }) => tensor);
    const tape = new Tape({ watchVariables: false, isPrivate: true }).watch(...targets);
    try {
      const { carry: last, outputs } = tape.record(() => this.#unrolled(carry, xs));
      const roots = [...last, ...outputs].flatMap((root, k) =>
        isFloat(root.dtype) && context.hasGrad(k) ? [{ root, seed: context.grad(k) }] : [],
      );
      const found = tape.pull(
        roots.map(({ root }) => root),
        roots.map(({ seed }) => seed),
        targets,
        { what: "scan", frees: true, allowsConstants: true },
      );
      places.forEach(({ at }, i) => {
        all[at] = found[i];
      });
    } finally {
      tape.dispose();
    }
  }
}

/** Notes the tensors from outside that steps read. */
class Noter implements Recorder {
  readonly outside = new Map<number, Tensor>();
  readonly #inside: Set<number>;

  constructor(given: readonly Tensor[]) {
    this.#inside = new Set(given.map(({ id }) => id));
  }

  record(_op: Op, _attrs: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    for (const tensor of inputs) {
      if (tensor instanceof Variable || this.#inside.has(tensor.id)) continue;
      const { memory, device } = tensor;
      // Numbers that stand in a step become tensors there.
      const isMadeHere = memory instanceof TracedMemory && memory.isOf(device.backend as TraceBackend);
      if (!isMadeHere) this.outside.set(tensor.id, tensor);
    }
    for (const { id } of outputs) this.#inside.add(id);
  }

  tracks(): boolean {
    return false;
  }
}

function tensorsOf(what: string, tree: Tree<Tensor>): Tensor[] {
  const leaves = leavesOf<unknown>(tree);
  leaves.forEach((leaf) => {
    if (!(leaf instanceof Tensor)) {
      throw new ArgumentError(
        `scan: ${what} must be tensors, alone or in arrays and plain objects; it holds ${kindOf(leaf)}`,
      );
    }
  });
  return leaves as Tensor[];
}

function leafPaths(tree: Tree<Tensor>): string[] {
  const paths: string[] = [];
  mapTree(tree, (_, path) => paths.push(path));
  return paths;
}

function lengthOf(xs: readonly Tensor[], given: number | undefined): number {
  if (given !== undefined) atLeastOne("scan", "length", given);
  const single = xs.find(({ rank }) => rank === 0);
  if (single !== undefined)
    throw new ShapeError("scan: xs holds a single number; each of xs is [steps, ...], a row a step");
  const lengths = [...new Set(xs.map(({ shape }) => shape[0]))];
  if (given !== undefined) lengths.push(given);
  if (lengths.length === 0)
    throw new ArgumentError("scan: there are no xs; pass length, the number of steps");
  const [length] = lengths;
  if (lengths.some((other) => other !== length)) {
    throw new ShapeError(
      `scan: xs, and length where it is given, disagree about the number of steps: ${[...new Set(lengths)].join(" and ")}`,
    );
  }
  if (length === 0) throw new ShapeError("scan: xs have no rows; there must be at least one step");
  return length;
}

function rowOf(x: Tensor, at: number): Tensor {
  const [, ...shape] = x.shape;
  return reshape(slice(x, at, at + 1), shape);
}
