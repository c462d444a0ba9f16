// Why neighbours that could have been one kernel are two, in a word; inspect/refusals.ts has the sentences.

/** What stood in the way, with what it concerns. */
export type Refusal =
  | readonly [
      | "stage"
      | "helpers"
      | "nothing"
      | "elements"
      | "reshape"
      | "between"
      | "bytes"
      | "others"
      | "compiling"
      | "elsewhere"
      | "readElsewhere"
      | "kernel"
      | "broadcast"
      | "tiles"
      | "constants",
    ]
  | readonly ["bindings", most: number]
  | readonly ["numberBehind" | "numberBefore" | "othersOf", op: string]
  | readonly ["reads", op: string, shape: string]
  | readonly ["numberAmong", op: string, elements: number]
  | readonly ["sizes" | "again", from: number, to: number];

/** The names of two ops, and why they are not one kernel. */
export interface Refused {
  readonly from: string;
  readonly to: string;
  readonly why: Refusal;
}
