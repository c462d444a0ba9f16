// What the conformance page states as a limit instead of a pass, with the reason: known, wanted or not worth its cost.
// Anything else that is off makes `npm run conformance` fail.

import type { Op } from "../../engine/index.ts";
import type { CellName } from "./row.ts";

type Limits = Partial<Record<CellName, string>>;

const zeroSign = "of two zeros that compare equal either may come out";

const shifted =
  "the mean of a column that holds an infinity may be NaN, since values are shifted by the column's first";

const unseen =
  "a tap that reads nothing counts as 0 times its weight, which is NaN where that is NaN or infinite";

const limits: Readonly<Record<string, Limits>> = {
  batchNorm: { special: shifted },
  moments: { special: shifted },
  convolutionTranspose: { special: unseen },
  maximum: { special: zeroSign },
  minimum: { special: zeroSign },
  rmsNorm: { special: "a zero may lose its sign" },
};

/** The stated limit of an op in a column, if there is one. */
export function limitOf(op: Op, cell: CellName): string | undefined {
  return limits[op.name]?.[cell];
}

/** Ops and columns with a stated limit. */
export const stated = (): [op: string, cells: CellName[]][] =>
  Object.entries(limits).map(([op, cells]) => [op, Object.keys(cells) as CellName[]]);
