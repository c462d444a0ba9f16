// The command line of npm run lesson.

import { parseArgs } from "node:util";
import { UsageError } from "../../support/arguments.ts";

export const usage = `npm run lesson -- NAME... [options]

Runs lessons of a course on deep networks: what the notes claim, measured here, with pictures.

  --list             the lessons, by name
  --all              all of them, one after the other
  --quick            the smallest form that still shows it: under a minute each
  --full             nothing is cut: all rows, all epochs; may take long
  --seeds N          how often each is repeated, with seeds 1 to N
  --device NAME      auto (the default: WebGPU where there is an adapter), webgpu or cpu (small sizes: it is slow)
  --out FOLDER       where pictures, numbers and pages go (default out/lessons)
  --redraw           runs nothing: draws and judges again what lies in --out
  --docs             with --quick writes the pages of docs/lessons, too; else the larger run's claims onto them
  --help             print this and end

Ctrl-C ends a lesson; what it has by then is kept.
`;

export interface LessonArguments {
  readonly names: readonly string[];
  readonly isHelp: boolean;
  readonly isList: boolean;
  readonly isAll: boolean;
  readonly isDocs: boolean;
  readonly isRedraw: boolean;
  readonly form: "quick" | "usual" | "full";
  readonly seeds: number | undefined;
  readonly device: "auto" | "webgpu" | "cpu";
  readonly out: string;
}

/** @throws UsageError with a message for the person who typed it */
export function parseLessonArguments(args: readonly string[]): LessonArguments {
  const options = {
    list: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    docs: { type: "boolean", default: false },
    redraw: { type: "boolean", default: false },
    seeds: { type: "string" },
    device: { type: "string", default: "auto" },
    out: { type: "string", default: "out/lessons" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; strict: true; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". To specify")[0]);
  }
  const { values, positionals } = parsed;
  const device = (["auto", "webgpu", "cpu"] as const).find((name) => name === values.device);
  if (device === undefined) {
    throw new UsageError(`--device is "${values.device}"; it must be one of auto, webgpu, cpu`);
  }
  if (values.seeds !== undefined && !/^[1-9]\d{0,2}$/.test(values.seeds)) {
    throw new UsageError(`--seeds is "${values.seeds}"; it must be a whole number from 1 to 999`);
  }
  if (values.quick && values.full) throw new UsageError("--quick and --full exclude each other");
  if (values.all && positionals.length > 0) {
    throw new UsageError(`--all takes no names, got ${positionals.join(", ")}`);
  }
  if (!values.help && !values.list && !values.all && positionals.length === 0) {
    throw new UsageError("which lesson? Give names, or --all; --list tells them");
  }
  return {
    names: positionals,
    isHelp: values.help,
    isList: values.list,
    isAll: values.all,
    isDocs: values.docs,
    isRedraw: values.redraw,
    form: values.quick ? "quick" : values.full ? "full" : "usual",
    seeds: values.seeds === undefined ? undefined : Number(values.seeds),
    device,
    out: values.out,
  };
}
