// Which unit depends on which, against a plain search, while units are merged.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reachability } from "../../engine/jit/reachability.ts";
import type { Unit } from "../../engine/jit/units.ts";

const unitOf = (id: number): Unit => ({ id, nodes: [], anchor: undefined, target: undefined });

/** Whether `to` can be reached from `from` along predecessors. */
function search(before: ReadonlyMap<Unit, ReadonlySet<Unit>>, from: Unit, to: Unit): boolean {
  const seen = new Set<Unit>();
  const stack = [...before.get(from)!];
  while (stack.length > 0) {
    const unit = stack.pop()!;
    if (unit === to) return true;
    if (seen.has(unit)) continue;
    seen.add(unit);
    stack.push(...before.get(unit)!);
  }
  return false;
}

/** The map with `merged` in the place of two units. */
function replaced(before: Map<Unit, Set<Unit>>, a: Unit, b: Unit, merged: Unit): Map<Unit, Set<Unit>> {
  const renamed = (unit: Unit) => (unit === a || unit === b ? merged : unit);
  const next = new Map<Unit, Set<Unit>>();
  for (const [unit, all] of before) {
    const set = next.get(renamed(unit)) ?? new Set();
    for (const each of all) set.add(renamed(each));
    next.set(renamed(unit), set);
  }
  return next;
}

describe("reachability", () => {
  it("is what a search finds, before and after merges", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 120 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 }),
        (count, edges, merges) => {
          const units = Array.from({ length: count }, (_, id) => unitOf(id));
          let before = new Map(units.map((unit) => [unit, new Set<Unit>()]));
          for (const [x, y] of edges) {
            const [low, high] = [x % count, y % count].sort((p, q) => p - q);
            if (low < high) before.get(units[high])!.add(units[low]);
          }
          const fixed = before;
          // Not in the order of what depends on what.
          const shuffled = [...units].sort((a, b) => ((a.id * 37) % 71) - ((b.id * 37) % 71));
          const order = new Reachability(shuffled, (unit) => fixed.get(unit)!);
          const check = () => {
            for (const a of before.keys())
              for (const b of before.keys())
                if (a !== b) expect(order.dependsOn(a, b)).toBe(search(before, a, b));
          };
          check();
          for (const [x, y] of merges) {
            const all = [...before.keys()];
            const [a, b] = [all[x % all.length], all[y % all.length]];
            if (a === b || order.dependsOn(a, b) || order.dependsOn(b, a)) continue;
            const merged = unitOf(a.id);
            order.merge(a, b, merged);
            before = replaced(before, a, b, merged);
          }
          check();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("goes through graphs deeper than the stack", () => {
    const units = Array.from({ length: 3000 }, (_, id) => unitOf(id));
    const order = new Reachability([...units].reverse(), ({ id }) => (id === 0 ? [] : [units[id - 1]]));
    expect(order.dependsOn(units[2999], units[0])).toBe(true);
    expect(order.dependsOn(units[0], units[2999])).toBe(false);
  });
});
