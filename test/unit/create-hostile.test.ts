// Host values that are no tensor: arrays that contain themselves, or are nested without end.

import { beforeAll, describe, expect, it } from "vitest";
import { ShapeError, setDevice, tensor, variable } from "../../engine/index.ts";
import { referenceDevice } from "../support/devices.ts";

type Nested = number | Nested[];

const circular = (): Nested[] => {
  const list: Nested[] = [];
  list.push(list);
  return list;
};
const ring = (): Nested[] => {
  const [a, b]: Nested[][] = [[1], [2]];
  a.unshift(b);
  b.unshift(a);
  return a;
};
const nested = (levels: number): Nested => {
  let value: Nested = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
};

describe("arrays nested without end are refused at once", () => {
  beforeAll(async () => setDevice(await referenceDevice()));

  it.each([
    ["one that contains itself", circular],
    ["two that contain each other", ring],
    ["20,000 levels", () => nested(20_000)],
    ["seven levels", () => nested(7)],
  ])("%s", (_, make) => {
    const made = make();
    for (const use of [() => tensor(made), () => variable(made), () => variable([1]).set(made)]) {
      expect(use).toThrow(ShapeError);
      expect(use).toThrow(/nested more than 6 levels deep, or contain themselves/);
    }
    expect(() => tensor(made, { shape: [1] })).toThrow(ShapeError);
  });

  it("six levels are a tensor", async () => {
    expect(tensor(nested(6)).shape).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("one that contains itself further in is ragged", () => {
    const list: Nested[] = [[1], [2]];
    list[1] = list;
    expect(() => tensor(list)).toThrow(ShapeError);
  });
});
