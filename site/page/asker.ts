// Asks the net what it says of one sample, and again as it learns: one question at a time, seldom where an answer takes long.

import { useEffect, useState } from "preact/hooks";
import type { Trial, Tried } from "../worker/messages.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

/** Milliseconds from an answer to the next question while the net learns. */
const restMs = 200;

export interface Answer {
  /** `waiting`: for a net, or for its answer. A trial that failed is not tried again by itself. */
  readonly state: "none" | "waiting" | "failed" | "answered";
  readonly tried: Tried | undefined;
}

const none: Answer = { state: "none", tried: undefined };
let samples = 0;

interface Net {
  readonly state: Pick<State, "isBuilt" | "nets" | "step">;
  try: Store["try"];
}

export class Asker {
  readonly #store: Net;
  readonly #tell: (answer: Answer) => void;
  #trial: Trial | undefined;
  #sample = 0;
  #answer = none;
  /** The net and its step that were asked last. */
  #asked = { nets: -1, step: -1 };
  #isWaiting = false;
  #rest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Net, tell: (answer: Answer) => void) {
    [this.#store, this.#tell] = [store, tell];
  }

  /** Another sample to ask about, or none: what comes late of the one before is not told. */
  give(trial: Trial | undefined): void {
    this.#trial = trial;
    this.#sample = ++samples;
    this.#forget();
    this.look();
  }

  /** After the state has changed. */
  look(): void {
    const { isBuilt, nets, step } = this.#store.state;
    if (this.#trial === undefined) return;
    if (!isBuilt || nets !== this.#asked.nets) this.#forget();
    if (!isBuilt || this.#isWaiting || this.#answer.state === "failed" || step === this.#asked.step) return;
    const left = this.#answer.state === "answered" ? this.#rest - performance.now() : 0;
    if (left <= 0) void this.#ask(this.#trial, nets, step);
    else
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.look();
      }, left);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#trial = undefined;
  }

  async #ask(trial: Trial, nets: number, step: number): Promise<void> {
    const sample = this.#sample;
    const begun = performance.now();
    this.#asked = { nets, step };
    this.#isWaiting = true;
    const tried = await this.#store.try(sample, trial);
    this.#isWaiting = false;
    const ended = performance.now();
    this.#rest = ended + Math.max(restMs, 4 * (ended - begun));
    const { state } = this.#store;
    if (sample === this.#sample && state.isBuilt && state.nets === nets)
      this.#say({ state: tried === undefined ? "failed" : "answered", tried });
    else this.#asked = { nets: -1, step: -1 };
    this.look();
  }

  #forget(): void {
    this.#asked = { nets: this.#store.state.nets, step: -1 };
    const state = this.#trial === undefined ? "none" : "waiting";
    if (this.#answer.state !== state) this.#say({ state, tried: undefined });
  }

  #say(answer: Answer): void {
    this.#answer = answer;
    this.#tell(answer);
  }
}

/** What the net says of the trial that was given last. */
export function useAsker(store: Store): { answer: Answer; give: (trial: Trial | undefined) => void } {
  const [answer, setAnswer] = useState(none);
  const [asker] = useState(() => new Asker(store, setAnswer));
  useEffect(() => {
    const unlisten = store.listen(() => asker.look());
    return () => {
      unlisten();
      asker.end();
    };
  }, []);
  return { answer, give: (trial) => asker.give(trial) };
}
