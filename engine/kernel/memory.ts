// Memory: a counted reference to device memory, whatever device that is.

/** A counted reference to a stretch of a device's memory. Its backend frees it when the count reaches zero. */
export abstract class Memory {
  /** Of what lies in it, where its backend says so. */
  declare readonly byteLength?: number;
  #references = 1;

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.free();
  }

  /** Throws where the memory must not be used now; `tensor` is the handle on it. */
  checkUsable(_tensor: { describe(): string }): void {}

  protected abstract free(): void;
}
