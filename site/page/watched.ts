// A state that components watch, with what is told to the reader in it.

import type { State } from "./state.ts";

export class Watched {
  #state: State;
  #listeners = new Set<() => void>();
  #frame = 0;

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Components see it in the next frame, however often it changes before. */
  set(patch: Partial<State>): void {
    this.#state = { ...this.#state, ...patch };
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const listener of this.#listeners) listener();
    });
  }

  tell(about: string, text: string): void {
    const others = this.#state.problems.filter((problem) => problem.about !== about);
    this.set({ problems: [...others, { about, text }] });
  }

  dismiss(about: string): void {
    const others = this.#state.problems.filter((problem) => problem.about !== about);
    if (others.length < this.#state.problems.length) this.set({ problems: others });
  }
}
