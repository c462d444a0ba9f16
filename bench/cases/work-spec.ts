// What a case asks for as data, which another process and library can be told.

import type { NetSpec } from "./nets.ts";
import type { OpSpec } from "./op-spec.ts";

/** An op on given inputs, training steps of a net, or epochs of it over many rows. */
export type WorkSpec =
  | { readonly kind: "op"; readonly op: OpSpec }
  | {
      readonly kind: "net";
      readonly net: NetSpec;
      /** Whether each step's loss is read before the next. */
      readonly readsEach?: boolean;
    }
  | { readonly kind: "fit"; readonly fit: FitSpec };

export interface FitSpec {
  readonly net: NetSpec;
  readonly data: "mnist" | "random";
  readonly rows: number;
  /** After one more, which compiles. */
  readonly epochs: number;
  /** Whether a step's share of an epoch is told rather than the epoch. */
  readonly isByStep?: boolean;
}
