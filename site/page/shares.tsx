// What the net takes a sample for: classes with their shares, as bars.

import type { ComponentChildren } from "preact";
import type { Answer } from "./asker.ts";
import { percent } from "./format.ts";
import { useStore } from "./use-store.ts";

export interface Share {
  readonly name: string;
  readonly value: number | undefined;
}

export function Shares({ shares }: { shares: readonly Share[] }) {
  const best = bestOf(shares);
  return (
    <ol class="shares" aria-label="What the net takes it for">
      {shares.map((share) => (
        <li key={share.name} class={share === best ? "best" : undefined}>
          <span class="share-name" title={share.name}>
            {share.name}
          </span>
          <span class="meter" aria-hidden="true">
            <span style={{ width: `${100 * (share.value ?? 0)}%` }} />
          </span>
          <span class="share-value">{share.value === undefined ? "" : percent(share.value)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The answer as a sentence. While the net trains it changes too often to be read out. */
export function Said({
  answer,
  before,
  children,
}: {
  answer: Answer;
  before: string;
  children: ComponentChildren;
}) {
  const { state } = useStore("isRunning");
  return (
    <p class="hint" aria-live={state.isRunning ? "off" : "polite"}>
      {answer.state === "none" && before}
      {answer.state === "waiting" && "It is given to the net."}
      {answer.state === "failed" && "It could not be tried."}
      {answer.state === "answered" && children}
    </p>
  );
}

export const named = (best: Share | undefined): string =>
  best?.value === undefined ? "" : `The net says ${best.name}, with ${percent(best.value)}.`;

/** Undefined where nothing was tried yet. */
export const bestOf = (shares: readonly Share[]): Share | undefined =>
  shares.reduce<Share | undefined>(
    (best, share) => (share.value !== undefined && share.value > (best?.value ?? -1) ? share : best),
    undefined,
  );

/** A class each, in the classes' order; a single output is the share of the second class. */
export function sharesOf(names: readonly string[], values: ArrayLike<number> | undefined): Share[] {
  const isOne = values?.length === 1;
  return names.map((name, i) => ({
    name,
    value: values === undefined ? undefined : isOne ? (i === 0 ? 1 - values[0] : values[0]) : values[i],
  }));
}

/** The likeliest first. */
export const topShares = (shares: readonly Share[], count: number): Share[] =>
  [...shares].sort((a, b) => (b.value ?? 0) - (a.value ?? 0)).slice(0, count);
