// Naps: the event loop turns seldom while something is waited for, and not at all otherwise.

import { describe, expect, it } from "vitest";
import { Naps } from "../../engine/backend/webgpu/naps.ts";

function countedLoop() {
  const loop = {
    turns: 0,
    setImmediate(callback: () => void) {
      loop.turns++;
      return setImmediate(callback);
    },
  };
  return loop;
}

const delay = (ms: number) => new Promise<string>((resolve) => setTimeout(() => resolve("done"), ms));

describe("naps", () => {
  it("turn the event loop some hundred times in a tenth of a second, not some ten thousand times", async () => {
    const loop = countedLoop();
    expect(await new Naps(loop).during(delay(100))).toBe("done");
    expect(loop.turns).toBeGreaterThan(10);
    expect(loop.turns).toBeLessThan(400);
  });

  it("end with the wait, also with one that fails", async () => {
    const loop = countedLoop();
    const naps = new Naps(loop);
    await expect(naps.during(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
    await naps.during(delay(5));
    await delay(5);
    const { turns } = loop;
    await delay(30);
    expect(loop.turns).toBe(turns);
  });

  it("go on until the last of several waits is over", async () => {
    const loop = countedLoop();
    const naps = new Naps(loop);
    const long = naps.during(delay(60));
    await naps.during(delay(10));
    const { turns } = loop;
    await long;
    expect(loop.turns).toBeGreaterThan(turns);
  });
});
