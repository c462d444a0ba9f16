// The record of a search: what each run of a trial gave, in a file from which the search goes on.

import { ArgumentError, DataError } from "../../engine/index.ts";
import type { Place, Store } from "../state/place.ts";
import { storeOf } from "../state/store.ts";

/** One run of a trial. */
export interface Run {
  readonly trial: number;
  readonly rung: number;
  readonly score?: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly error?: string;
}

const version = 1;

export class SearchRecord {
  readonly runs: Run[] = [];
  readonly #store: Store | undefined;
  readonly #settings: string;
  #writing: Promise<void> = Promise.resolve();
  #unlock: (() => Promise<void>) | undefined;

  /** @param settings what decides which trials there are: a file of others is refused */
  constructor(place: Place | undefined, settings: object) {
    this.#store = place === undefined ? undefined : storeOf("search: file", place);
    this.#settings = JSON.stringify(settings);
  }

  /** @throws DataError where the file is none, or another search's, or another process has it */
  async open(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    this.#unlock = await store.lock?.();
    const bytes = await store.read();
    if (bytes === undefined) return;
    let held: { version: number; settings: unknown; runs: Run[] };
    try {
      held = JSON.parse(new TextDecoder().decode(bytes));
      if (held.version !== version || !Array.isArray(held.runs))
        throw new Error(`its version is ${held.version}`);
    } catch (cause) {
      throw new DataError(
        `search: ${store.name} is no record of a search (${(cause as Error).message}); name another file`,
        { cause },
      );
    }
    const theirs = JSON.stringify(held.settings);
    if (theirs !== this.#settings)
      throw new ArgumentError(
        `search: ${store.name} has the trials of a search with other settings, ${theirs} and not ${this.#settings}; name another file, or take that one away`,
      );
    this.runs.push(...held.runs);
  }

  find(trial: number, rung: number): Run | undefined {
    return this.runs.find((run) => run.trial === trial && run.rung === rung);
  }

  /** Puts a run down; the file is whole before and after. */
  async add(run: Run): Promise<void> {
    this.runs.push(run);
    if (this.#store === undefined) return;
    const store = this.#store;
    this.#writing = this.#writing.then(() => {
      const runs = [...this.runs].sort((a, b) => a.rung - b.rung || a.trial - b.trial);
      const lines = runs.map((one) => JSON.stringify(one)).join(",\n");
      const text = `{"version":${version},"settings":${this.#settings},"runs":[\n${lines}\n]}\n`;
      return store.write([new TextEncoder().encode(text)]);
    });
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.#unlock?.();
  }
}
