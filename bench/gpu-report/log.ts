// Reads what Mesa's compiler prints of each shader: statistics, and the machine code where it is asked for.

/** One compiled shader. */
export interface Compiled {
  /** As the program announced it before. */
  readonly name: string;
  /** By the compiler's own words, as in "VGPRs" or "Spilled VGPRs". */
  readonly statistics: Readonly<Record<string, number>>;
  /** Lines of machine code, labels among them; empty where none was printed. */
  readonly code: readonly string[];
  /** Threads of a workgroup, where the shader itself is printed. */
  readonly threads: number | undefined;
}

/** Stands before a name on a line of its own: what is compiled next is called so. */
export const announcement = "@@CASE ";

/** The shaders of a log, in order. What was compiled before any announcement is left out. */
export function readLog(text: string): Compiled[] {
  const found: Compiled[] = [];
  let name: string | undefined;
  let code: string[] = [];
  let statistics: Record<string, number> | undefined;
  let isCode = false;
  let threads: number | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith(announcement)) name = line.slice(announcement.length);
    else if (line.startsWith("workgroup_size:")) {
      threads = (line.match(/\d+/g) ?? []).reduce((product, length) => product * Number(length), 1);
    } else if (line.startsWith("disasm:")) {
      isCode = true;
      code = [];
    } else if (line.startsWith("*** SHADER STATS")) {
      isCode = false;
      statistics = {};
    } else if (statistics !== undefined) {
      const [, word, value] = /^([\w .-]+): (\d+)/.exec(line) ?? [];
      if (word !== undefined) statistics[word] = Number(value);
      else if (line.startsWith("****")) {
        if (name !== undefined) found.push({ name, statistics, code, threads });
        statistics = undefined;
        code = [];
      }
    } else if (isCode && line.trim() !== "") code.push(line);
  }
  return found;
}
