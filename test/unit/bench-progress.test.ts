// How the bench shows where it is: a bar on a terminal, lines elsewhere, through the filter that stands between.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { columnsOf, progressOn } from "../../bench/reporters/progress.ts";
import { noiseFilter, terminalEnv } from "../../scripts/run.mjs";

const warning = "Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 1 to 2\n";

describe("progress", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const shown = (columns?: number) => {
    let text = "";
    const stream = { write: (part: string | Uint8Array) => Boolean((text += part)) };
    const progress = progressOn(stream, 2, columns);
    progress.begin("webgpu a forward");
    vi.advanceTimersByTime(5000);
    progress.note("a stage of it");
    progress.begin("webgpu b forward");
    progress.end();
    return text;
  };

  it("is one line drawn over on a terminal, never wider than it, and gone at the end", () => {
    const text = shown(60);
    expect(text).not.toContain("\n");
    expect(text).toContain("] 1/2  webgpu a forward");
    expect(text).toContain("a stage of it");
    expect(text.endsWith("\r\x1b[2K")).toBe(true);
    for (const line of shown(30).split("\r\x1b[2K")) expect(line.length).toBeLessThan(30);
  });

  it("is a line a case where there is no terminal", () => {
    expect(shown()).toBe("[1/2] webgpu a forward\n[2/2] webgpu b forward\n");
  });

  it("is told of the terminal by who stands between", () => {
    const pipe = { isTTY: undefined as unknown as boolean, columns: 0 };
    expect(columnsOf(pipe, {})).toBeUndefined();
    expect(columnsOf(pipe, terminalEnv({ isTTY: true, columns: 97 }))).toBe(97);
    expect(columnsOf(pipe, terminalEnv({ isTTY: false, columns: undefined }))).toBeUndefined();
    expect(columnsOf({ isTTY: true, columns: 60 }, {})).toBe(60);
  });
});

describe("the filter of Dawn's noise", () => {
  const through = (...chunks: string[]) => {
    const filter = noiseFilter();
    return [...chunks.map((chunk) => filter.push(chunk)), filter.rest()];
  };

  it("drops the two warnings, whole or in pieces, at a line's start or behind a bar", () => {
    expect(through(`a\n${warning}b\n`)).toEqual(["a\nb\n", ""]);
    expect(through("\r[=] x", warning, "\r[==] y")).toEqual(["\r[=] x", "", "\r[==] y", ""]);
    expect(through(`\r[=] x${warning}\r[==] y`)).toEqual(["\r[=] x\r[==] y", ""]);
    expect(through(...`x${warning}y`).join("")).toBe("xy");
    expect(through(warning.trimEnd())).toEqual(["", ""]);
  });

  it("passes everything else on, a line that is not ended too", () => {
    expect(through("\r\x1b[2K[=..] 1/3")).toEqual(["\r\x1b[2K[=..] 1/3", ""]);
    expect(through("Warning: max", "imum\n").join("")).toBe("Warning: maximum\n");
    expect(through("Warning: maxDynamicOther\n").join("")).toBe("Warning: maxDynamicOther\n");
    expect(through("Warn").join("")).toBe("Warn");
  });
});
