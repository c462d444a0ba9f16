// A scan in a trace: its steps as one loop, which tapes see as one op, and the op's backward rule, a loop that goes the
// other way.

import { recordBlock, runBlock } from "../../autograd/block.ts";
import { Tape } from "../../autograd/tape.ts";
import { settingsAgain, withAmbient } from "../../base/ambient.ts";
import { isFloat } from "../../base/dtype.ts";
import type { Op, VjpContext } from "../../tensor/op.ts";
import { noGrad, type Recorder, recorders } from "../../tensor/recording.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Variable } from "../../tensor/variable.ts";
import { type TraceBackend, TracedMemory } from "../trace.ts";
import { Assigned } from "./assigned.ts";
import type { Kept, TracedLoop } from "./loop-call.ts";
import type { Stepped, Steps } from "./steps.ts";
import { traceLoop } from "./trace-loop.ts";

export interface TracedOptions {
  /** Whether only carries are kept for gradients, and steps compute all else again. */
  readonly keepsCarriesAlone?: boolean;
}

export function runTraced(steps: Steps, options: TracedOptions = {}): Stepped {
  const isRecorded = recorders.value.length > 0;
  const random = steps.device.random;
  const streams = random.position;
  const settings = settingsAgain();
  let assigned = new Assigned([]);
  const given = [...steps.carry, ...steps.xs];
  const count = steps.carry.length;
  let outputCount = 0;
  let noter: Noter | undefined;
  let loopKept: Pick<TracedLoop, "kept" | "held"> | undefined;
  const loop = (): Tensor[] => {
    const states = assigned.variables.length;
    const made = traceLoop({
      keeps: isRecorded && !options.keepsCarriesAlone,
      device: steps.device,
      length: steps.length,
      isReversed: steps.isReversed,
      carry: [...steps.carry, ...assigned.before],
      rows: steps.xs,
      shifted: [],
      body: (now, rows) => {
        noter = new Noter([...now, ...rows]);
        const { result, after } = recorders.with([...recorders.value, noter], () =>
          assigned.run(now.slice(count), () => steps.once(now.slice(0, count), rows)),
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
  const { outputs, captured: tracked } = runBlock(loop, given, "scan");
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
      const pullAll = () => pull(steps, context, captured, assigned, { historyAt, kept, ...options });
      return withAmbient(settings, () => lent(0, pullAll));
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
function pull(
  steps: Steps,
  context: VjpContext,
  captured: readonly Tensor[],
  assigned: Assigned,
  { historyAt, kept, keepsCarriesAlone }: TracedOptions & { readonly historyAt: number; readonly kept: Kept },
): (Tensor | null)[] {
  assigned.checkReads();
  const count = steps.carry.length;
  const xsAt = count;
  const capturedAt = xsAt + steps.xs.length;
  const statesAt = capturedAt + captured.length;
  const input = (k: number) => context.input(k);
  const xs = steps.xs.map((_, k) => input(xsAt + k));
  // By the handles that the tape kept: hooks on a variable's own are the outer walk's to run.
  const own = captured.map((_, k) => input(capturedAt + k));
  const isFloatAt = (list: readonly Tensor[]) => list.flatMap(({ dtype }, k) => (isFloat(dtype) ? [k] : []));
  const carries = isFloatAt(steps.carry);
  const rows = isFloatAt(xs).filter((k) => context.needs(xsAt + k));
  const wholes = own.flatMap((_, k) => (context.needs(capturedAt + k) ? [k] : []));
  const keptAt = statesAt + assigned.variables.length;
  const held = context.inputSpecs.slice(keptAt).map((_, k) => input(keptAt + k));
  const all = context.inputSpecs.map((): Tensor | null => null);
  if (recorders.value.length > 0) {
    pullUnrolled(steps, context, own, all, { carries, rows, wholes });
    return all;
  }
  const seeded = Array.from({ length: historyAt - count }, (_, k) => count + k).filter((k) =>
    context.hasGrad(k),
  );
  const results = traceLoop({
    device: steps.device,
    length: steps.length,
    isReversed: !steps.isReversed,
    again: { kept, held },
    carriesSums: keepsCarriesAlone,
    carry: carries.map((k) => context.grad(k)),
    rows: [...xs, ...seeded.map((k) => context.grad(k))],
    shifted: [...steps.carry, ...assigned.variables].map((_, k) => ({
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
          assigned.run(before.slice(count), () => steps.once(before.slice(0, count), x)),
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
function pullUnrolled(
  steps: Steps,
  context: VjpContext,
  own: readonly Tensor[],
  all: (Tensor | null)[],
  wanted: Readonly<Record<"carries" | "rows" | "wholes", readonly number[]>>,
): void {
  const count = steps.carry.length;
  const xsAt = count;
  const capturedAt = xsAt + steps.xs.length;
  const carry = steps.carry.map((_, k) => context.input(k));
  const xs = steps.xs.map((_, k) => context.input(xsAt + k));
  const places = [
    ...wanted.carries.map((k) => ({ at: k, tensor: carry[k] })),
    ...wanted.rows.map((k) => ({ at: xsAt + k, tensor: xs[k] })),
    ...wanted.wholes.map((k) => ({ at: capturedAt + k, tensor: own[k] })),
  ];
  const targets = places.map(({ tensor }) => tensor);
  const tape = new Tape({ watchVariables: false, isPrivate: true }).watch(...targets);
  try {
    const { carry: last, outputs } = tape.record(() => steps.unrolled(carry, xs));
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
