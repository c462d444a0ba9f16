// What updates go by: rates, decays, penalties and clipping, the same for all variables unless groups say otherwise.

import { ArgumentError, type Tensor } from "../engine/index.ts";
import { kindOf } from "../engine/internal.ts";
import type { ByVariable } from "./by-variable.ts";
import type { Clipping } from "./clipping.ts";
import { type Clock, type Hyper, type Setting, sameForAll, shareOf } from "./hyper.ts";

/** The optimizer's own. */
export interface CommonSettings {
  readonly name: string;
  readonly weightDecay: Hyper;
  readonly l2: Hyper;
  readonly clipping: Clipping | undefined;
}

export interface Settings {
  readonly rate: Setting;
  readonly weightDecay: Setting;
  readonly l2: Setting;
  readonly clip: ((gradient: Tensor, clock: Clock, byVariable: ByVariable | undefined) => Tensor) | undefined;
  /** What makes sums by variable and spreads numbers over them, where that is needed. */
  readonly byVariable: typeof ByVariable | undefined;
  dispose(): void;
}

/** @throws ArgumentError unless it is a way of clipping, or left out */
export function checkClipping(who: string, clipping: unknown): void {
  if (clipping === undefined || typeof (clipping as Partial<Clipping> | null)?.clip === "function") return;
  throw new ArgumentError(
    `${who}: clipping takes clipNorm(1), clipValue(1) or globalClipNorm(1), imported from "gradgpu/optim", got ${kindOf(clipping)}`,
  );
}

export function commonSettings({ weightDecay, l2, clipping }: CommonSettings): Settings {
  return {
    rate: sameForAll({ of: undefined, times: 1 }),
    weightDecay: sameForAll(shareOf(weightDecay)),
    l2: sameForAll(shareOf(l2)),
    clip:
      clipping &&
      ((gradient, clock, byVariable) => clipping.clip(gradient, clock.at(clipping.limit), byVariable)),
    byVariable: clipping?.byVariable,
    dispose() {},
  };
}
