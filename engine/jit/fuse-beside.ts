// Lets small chains that have nothing to do with each other share a dispatch.

import { sizeOf } from "../base/shape.ts";
import type { Groups } from "./groups.ts";
import { Reachability } from "./reachability.ts";
import { haveUnlikeHelpers, isSimple, sameStage, type Unit } from "./units.ts";

/** Small chains anywhere in the graph share a dispatch where none depends on another. */
export function mergeBeside(groups: Groups): void {
  const shared: Unit[] = [];
  // From the last one, on which nothing depends and which all others may join: from the first one, those that it takes
  // would keep what they depend on out.
  const units = groups.units().reverse();
  const order = new Reachability(units, (unit) => groups.predecessorsOf(unit));
  for (const unit of units) {
    if (unit.anchor !== undefined || !isSimple(unit)) continue;
    const host = shared.find(
      (other) =>
        sameStage(unit, other) &&
        !groups.isDear(other, unit, !isSmall(unit) && !isSmall(other)) &&
        !haveUnlikeHelpers(other.nodes, unit.nodes) &&
        !order.dependsOn(other, unit) &&
        !order.dependsOn(unit, other) &&
        !overwrites(groups, other, unit) &&
        !overwrites(groups, unit, other) &&
        groups.refuseBindings([{ ...other, parts: other.parts ?? [other] }, unit]) === undefined,
    );
    if (host === undefined) {
      shared.push(unit);
      continue;
    }
    const parts = [...(host.parts ?? [host]), unit];
    const merged: Unit = {
      ...unit,
      nodes: [...host.nodes, ...unit.nodes].sort((x, y) => x.id - y.id),
      target: undefined,
      parts,
    };
    groups.put(merged);
    order.merge(host, unit, merged);
    shared[shared.indexOf(host)] = merged;
  }
}

/** Whether `writer` replaces a variable that `reader` reads: in one dispatch it could not be done in place. */
function overwrites(groups: Groups, writer: Unit, reader: Unit): boolean {
  if (!groups.hasTargets) return false;
  const targets = writer.nodes.flatMap((node) => node.outputs.map((value) => groups.targetOf(value)));
  return reader.nodes.some((node) =>
    node.inputs.some(
      ({ value }) => value.origin.kind === "external" && targets.includes(value.origin.memory),
    ),
  );
}

/** Elements up to which a chain is cheaper as a part of another dispatch than as its own. */
const besideLimit = 4096;

/** Whether a unit's chains are all so small that sharing a dispatch costs the others nothing. */
function isSmall(unit: Unit): boolean {
  return (unit.parts ?? [unit]).every((part) => sizeOf(part.target!.shape) <= besideLimit);
}
