// What a place for a file of state is, whoever keeps it.

/**
 * A place for one file of state. Those of your own, for a server say, must write whole or not at all: what was there
 * before stays until all of the new bytes are there.
 */
export interface Store {
  /** What errors and warnings call it. */
  readonly name: string;
  /** All bytes; undefined where there is nothing yet. */
  read(): Promise<Uint8Array | undefined>;
  /**
   * @param parts one behind the other
   * @param verify to be given what was written, read back, from its beginning; throws where it is not what was meant
   */
  write(parts: readonly Uint8Array<ArrayBuffer>[], verify?: Verify): Promise<void>;
  /** Removes what is there, if anything is. */
  remove(): Promise<void>;
  /**
   * Claims the place for a run, if it knows how to. Gives what lets go of it.
   *
   * @throws DataError where another run that is alive has it
   */
  lock?(): Promise<() => Promise<void>>;
}

/** What looks at bytes that were read back: all of them in one piece or several, then `end`. */
export interface Verify {
  update(bytes: Uint8Array): void;
  /** @throws DataError where they were not what was meant */
  end(): void;
}

/**
 * Where to keep: a path in Node, "indexeddb://NAME" or "opfs://NAME" in pages, or a {@link Store}.
 */
export type Place = string | URL | Store;
