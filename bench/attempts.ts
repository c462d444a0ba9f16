// What of a run goes wrong, told at its end.

/** Collects what goes wrong, so that one failure leaves the rest done. */
export class Attempts {
  readonly problems: string[] = [];

  async run<T>(what: string, act: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.problems.push(`${what} failed: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }
}
