// The collector's turns: when they are due, and that they free what was dropped.

import { describe, expect, it } from "vitest";
import { GarbageTurns } from "../../engine/backend/webgpu/garbage.ts";
import { finalizers } from "../../engine/base/finalizers.ts";

/** A resource whose use the test sets. */
function resource(ceiling: number) {
  const made = { ceiling, used: 0, inUse: () => made.used };
  return made;
}

describe("turns of the garbage collector", () => {
  it("are not taken while less than a quarter is in use, whatever is asked", () => {
    const [few, endless] = [resource(100), resource(Number.POSITIVE_INFINITY)];
    const turns = new GarbageTurns([few, endless]);
    few.used = 24;
    endless.used = 1e15;
    expect(turns.takeIfDue()).toBeUndefined();
    expect(turns.count).toBe(0);
  });

  it("are taken from there on, and again only when use has grown by half, or by an eighth of the ceiling near it", async () => {
    const one = resource(100);
    const turns = new GarbageTurns([resource(1000), one]);
    const taken: number[] = [];
    for (one.used = 0; one.used < 100; one.used++) {
      const turn = turns.takeIfDue();
      if (turn === undefined) continue;
      await turn;
      taken.push(one.used);
    }
    expect(taken).toEqual([25, 38, 57, 75, 88]);
  });

  it("are shared by those who await at once", async () => {
    const one = resource(10);
    one.used = 9;
    const turns = new GarbageTurns([one]);
    const first = turns.takeIfDue();
    expect(turns.takeIfDue()).toBe(first);
    await first;
    expect(turns.count).toBe(1);
  });

  it("have what was dropped finalized, without --expose-gc", async () => {
    expect((globalThis as { gc?: unknown }).gc).toBeUndefined();
    const one = resource(1000);
    const drop = () => {
      for (let i = 0; i < 1000; i++, one.used++) finalizers.register({ i }, () => one.used--);
    };
    drop();
    // A collection that was under way leaves some to the next, and finalizers run in tasks of their own after it.
    for (let turns = 0; one.used >= 100 && turns < 500; turns++) {
      await new GarbageTurns([one]).takeIfDue();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(one.used).toBeLessThan(100);
  });
});
