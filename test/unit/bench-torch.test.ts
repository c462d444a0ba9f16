// What the bench and a process of PyTorch say to each other; the process itself is not started.

import { describe, expect, it } from "vitest";
import { netNamed } from "../../bench/cases/nets.ts";
import { describeDifference } from "../../bench/peers/agreement.ts";
import { batchesOf, weightsOf } from "../../bench/peers/net-data.ts";
import { describeEnd, framesOf, parseReply, withArrays } from "../../bench/peers/torch.ts";

describe("lines from PyTorch", () => {
  it("are answers or errors to a message", () => {
    expect(parseReply('{"id": 3, "answer": 12.5}')).toEqual({ id: 3, answer: 12.5 });
    expect(parseReply('{"id": 0, "answer": null}')).toEqual({ id: 0, answer: null });
    expect(parseReply('{"id": 4, "error": "ValueError: no gelu for PyTorch"}')).toEqual({
      id: 4,
      error: "ValueError: no gelu for PyTorch",
    });
  });

  it("are none where something else is printed", () => {
    for (const line of ["", "UserWarning: lr", "{", '{"id": "3", "answer": 1}', '{"answer": 1}', '{"id": 3}'])
      expect(parseReply(line), line).toBeUndefined();
  });

  it("may hold what JSON has no word for, which agrees with no loss of ours", () => {
    for (const word of ["NaN", "Infinity", "-Infinity"]) {
      const reply = parseReply(`{"id": 1, "answer": [[2.5], [${word}]]}`) as { answer: number[][] };
      expect(reply.answer).toEqual([[2.5], [Number.NaN]]);
      const work = { kind: "net", net: netNamed("N3") } as const;
      expect(describeDifference(work, [[2.5], [2.4]], reply.answer)).toMatch(/loss of step 2 is NaN/);
    }
  });

  it("tell why it ended: above all that it is not installed", () => {
    const missing =
      "Traceback (most recent call last):\n  import torch\nModuleNotFoundError: No module named 'torch'\n";
    expect(describeEnd(missing)).toMatch(/apt-get install python3-torch/);
    expect(describeEnd("one\nMemoryError: 4 GiB\n")).toBe("MemoryError: 4 GiB");
    expect(describeEnd("")).toBeUndefined();
  });
});

describe("messages to PyTorch", () => {
  it("are a line and the bytes that it announces", () => {
    const values = Float32Array.of(1, -2, 3).subarray(1);
    const [line, bytes] = framesOf(7, { call: "prepare" }, [{ shape: [2], values }]);
    expect(JSON.parse(new TextDecoder().decode(line))).toEqual({
      id: 7,
      request: { call: "prepare" },
      arrays: [{ shape: [2], dtype: "float32" }],
    });
    expect(line.at(-1)).toBe(10);
    expect([...new Float32Array(bytes.slice().buffer)]).toEqual([-2, 3]);
  });

  it("carry a net's weights and data, and how long its rows are", () => {
    const net = { ...netNamed("N8"), batches: 2 };
    const { request, arrays } = withArrays({ call: "prepare", work: { kind: "net", net } });
    expect(request).toMatchObject({ call: "prepare", net: { weights: [1, 3, 2] } });
    const { lengths } = (request as { net: { lengths: number[][] } }).net;
    expect(lengths.map(({ length }) => length)).toEqual([32, 32]);
    expect(Math.min(...lengths.flat())).toBeGreaterThanOrEqual(5);
    expect(Math.max(...lengths.flat())).toBeLessThanOrEqual(60);
    expect(arrays).toHaveLength(weightsOf(net).flat().length + 4);
    const { x } = batchesOf(net)[0];
    // Behind a row's end stand zeros, before it none.
    lengths[0].forEach((length, row) => {
      const tokens = [...x.subarray(row * 60, (row + 1) * 60)];
      expect(tokens.indexOf(0)).toBe(length === 60 ? -1 : length);
      expect(tokens.slice(length).every((token) => token === 0)).toBe(true);
    });
    expect(arrays.every(({ shape, values }) => values.length === shape.reduce((a, b) => a * b, 1))).toBe(
      true,
    );
  });

  it("tell where a net flattens images, whose channels it has first", () => {
    const net = { ...netNamed("N5"), batches: 1 };
    const { request } = withArrays({ call: "prepare", work: { kind: "net", net } });
    const { layers } = (request as { net: { layers: object[] } }).net;
    expect(layers).toContainEqual({ kind: "flatten", images: [5, 5, 64] });
  });

  it("are of nets only", () => {
    const work = { kind: "op", op: { op: "exp", inputs: [] } } as const;
    expect(() => withArrays({ call: "prepare", work })).toThrow(/nets only/);
    expect(withArrays({ call: "sample", runs: 3, readsEach: true })).toEqual({
      request: { call: "sample", runs: 3, readsEach: true },
      arrays: [],
    });
  });
});
