// What a tape shows of the calls that it recorded.

import type { SourceLine } from "../base/source-line.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Op } from "./op.ts";
import type { Tensor } from "./tensor.ts";
import type { Variable } from "./variable.ts";

/** One recorded call. */
export interface TapeNode {
  /** Position on the tape, from 0. */
  readonly index: number;
  readonly op: Op;
  readonly attrs: unknown;
  readonly inputIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly inputSpecs: readonly Spec[];
  readonly outputSpecs: readonly Spec[];
  /** Handles owned by the tape: all of them with `retain`, else what the op's backward rule saves. */
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly (Tensor | undefined)[];
  /** By input: the variable whose memory it shows, if any, as it was at the call. */
  readonly inputVariables: readonly (RecordedVariable | undefined)[];
  /** The line that called the op, where the tape notes lines. */
  readonly source: SourceLine | undefined;
  /** Names of the layers around the call, `outer/inner`; "" outside of all. */
  readonly scope: string;
}

/** A variable at the time of a call. */
export interface RecordedVariable {
  readonly variable: Variable;
  readonly version: number;
}

/** The part of a tape that inspection reads. */
export interface RecordedTape {
  readonly nodes: readonly TapeNode[];
  /** Given names, by the value's id. */
  readonly names: ReadonlyMap<number, string>;
}
