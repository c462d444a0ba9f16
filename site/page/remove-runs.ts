// Removes kept runs, except those that a tab is at: it would keep them again, without what else is gone.

import { claimRun, releaseRun } from "../runs/claims.ts";
import { removeRun } from "../runs/kept-runs.ts";
import type { Store } from "./store.ts";

/** A problem tells of those that stay. */
export async function removeRuns(store: Store, runs: readonly { readonly name: string }[]): Promise<void> {
  store.dismiss("runs");
  const stay: string[] = [];
  for (const { name } of runs) {
    if (name === store.state.run || !(await claimRun(name))) {
      stay.push("it is open in a tab; go on with another one there, or close that tab, first");
      continue;
    }
    try {
      await removeRun(name);
    } catch (error) {
      stay.push((error as Error).message.replace(/\.$/, ""));
    } finally {
      releaseRun(name);
    }
  }
  store.set({ runsVersion: store.state.runsVersion + 1 });
  if (stay.length === 0) return;
  const which = runs.length === 1 ? "The run" : `${stay.length} of the ${runs.length} runs`;
  store.tell("runs", `${which} could not be removed: ${[...new Set(stay)].join("; ")}.`);
}
