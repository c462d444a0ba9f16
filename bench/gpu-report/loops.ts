// The loops of AMD machine code, and what kinds of instructions they are made of.

export type Kind =
  | "fma"
  | "dual fma"
  | "matrix"
  | "vector"
  | "global load"
  | "global store"
  | "shared load"
  | "shared store"
  | "scalar load"
  | "barrier"
  | "scalar";

/** What a stretch of machine code does, a thread. */
export interface Mix {
  readonly instructions: number;
  readonly counts: Readonly<Record<Kind, number>>;
  /** Vector instructions issued; two that share one count once. */
  readonly issued: number;
  /** Multiply-adds of f32 or f16, those of matrices apart. */
  readonly fmas: number;
  /** Dwords that a thread reads and writes. */
  readonly globalDwords: number;
  readonly sharedLoadDwords: number;
  readonly sharedStoreDwords: number;
}

export interface CodeMix {
  readonly whole: Mix;
  /** The loop that does most multiply-adds or, without any, loads most; undefined where there is no loop. */
  readonly hot: Mix | undefined;
  /** Lanes of a subgroup: code for 32 lanes uses halves of the masks only. */
  readonly lanes: 32 | 64;
}

const isFma = /^v_(pk_)?(fma|fmac|mac|mad|fmaak|fmamk|madak|madmk|dot2)(_|c_)?.*f(32|16)/;

/** Of an instruction as it is printed, operands and all. */
export function kindOf(instruction: string): Kind {
  const name = instruction.split(/\s/, 1)[0];
  if (name.startsWith("v_wmma") || name.startsWith("v_mfma")) return "matrix";
  if (name.startsWith("v_dual_")) return "dual fma";
  if (isFma.test(name)) return "fma";
  if (name.startsWith("v_")) return "vector";
  if (/^(buffer|global|flat)_load/.test(name)) return "global load";
  if (/^(buffer|global|flat)_(store|atomic)/.test(name)) return "global store";
  if (/^ds_(load|read)/.test(name)) return "shared load";
  if (name.startsWith("ds_")) return "shared store";
  if (/^s_(buffer_)?load/.test(name)) return "scalar load";
  if (name.startsWith("s_barrier")) return "barrier";
  return "scalar";
}

/** Dwords that a load or store moves a thread. */
function dwordsOf(instruction: string): number {
  const name = instruction.split(/\s/, 1)[0];
  const bits = /_b(8|16|32|64|96|128)(_|$)/.exec(name);
  const pair = /2(addr)?_(st64_)?|read2|write2|load_2|store_2/.test(name) ? 2 : 1;
  if (bits !== null) return (pair * Math.max(1, Number(bits[1]) / 32)) | 0 || 1;
  const dwords = /dwordx?(\d)?/.exec(name);
  return dwords === null ? 1 : Number(dwords[1] ?? 1);
}

function mixOf(instructions: readonly string[]): Mix {
  const counts = {
    fma: 0,
    "dual fma": 0,
    matrix: 0,
    vector: 0,
    "global load": 0,
    "global store": 0,
    "shared load": 0,
    "shared store": 0,
    "scalar load": 0,
    barrier: 0,
    scalar: 0,
  };
  let fmas = 0;
  let globalDwords = 0;
  let sharedLoadDwords = 0;
  let sharedStoreDwords = 0;
  for (const instruction of instructions) {
    const kind = kindOf(instruction);
    counts[kind]++;
    if (kind === "fma") fmas += instruction.startsWith("v_pk_") ? 2 : 1;
    else if (kind === "dual fma") fmas += instruction.split("::").filter((half) => /fma/.test(half)).length;
    else if (kind === "global load" || kind === "global store") globalDwords += dwordsOf(instruction);
    else if (kind === "shared load") sharedLoadDwords += dwordsOf(instruction);
    else if (kind === "shared store") sharedStoreDwords += dwordsOf(instruction);
  }
  return {
    instructions: instructions.length,
    counts,
    issued: counts.fma + counts["dual fma"] + counts.vector + counts.matrix,
    fmas,
    globalDwords,
    sharedLoadDwords,
    sharedStoreDwords,
  };
}

/** The mix of a shader's code, and of its hottest loop; undefined without code. */
export function codeMix(code: readonly string[]): CodeMix | undefined {
  const starts = new Map<string, number>();
  const instructions: string[] = [];
  for (const line of code) {
    const label = /^(BB\d+):/.exec(line)?.[1];
    if (label !== undefined) starts.set(label, instructions.length);
    else if (/^\s/.test(line)) instructions.push(line.trim().split(";")[0].trim());
  }
  if (instructions.length === 0) return undefined;
  let hot: Mix | undefined;
  instructions.forEach((instruction, end) => {
    const target = /^s_c?branch\S*\s+(BB\d+)/.exec(instruction)?.[1];
    const start = target === undefined ? undefined : starts.get(target);
    if (start === undefined || start > end) return;
    const loop = mixOf(instructions.slice(start, end + 1));
    if (hot === undefined || isHotter(loop, hot)) hot = loop;
  });
  // Code for 64 lanes may use one half of a mask for something else.
  const uses = (mask: RegExp) => instructions.some((instruction) => mask.test(instruction));
  const halves = uses(/\b(exec|vcc)_lo\b/) && !uses(/\b(exec|vcc)\b/);
  return { whole: mixOf(instructions), hot, lanes: halves ? 32 : 64 };
}

/** More arithmetic; as much of it, more loads; as many, less around them: the inner of two loops. */
function isHotter(a: Mix, b: Mix): boolean {
  const work = ({ fmas, counts }: Mix) => fmas + 256 * counts.matrix;
  const loads = ({ globalDwords, sharedLoadDwords }: Mix) => globalDwords + sharedLoadDwords;
  if (work(a) !== work(b)) return work(a) > work(b);
  if (loads(a) !== loads(b)) return loads(a) > loads(b);
  return a.instructions < b.instructions;
}
