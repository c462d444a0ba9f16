// Epochs of ours and of the peers over the same rows, one after the other: each takes longer than what disturbs the
// machine.

import type { Row } from "../bench-case.ts";
import { iterationsOf, measureFit, quickFit } from "../cases/fit.ts";
import type { FitSpec } from "../cases/work-spec.ts";
import { rowOf } from "../run-cases.ts";
import { summarise } from "../statistics.ts";
import { describeOtherFit } from "./agreement.ts";
import { checkPlace, type Meeting, peerRow } from "./meeting.ts";
import type { OpenPeer } from "./process.ts";

/** Whose epoch takes longer is not timed by the epoch. */
const longestMs = 75_000;
const mostEpochs = 2;

export async function fitBeside(
  meeting: Meeting,
  whole: FitSpec,
  peers: readonly OpenPeer[],
): Promise<Row[]> {
  const { benchCase, device, isQuick = false, version, stage, onSkip } = meeting;
  const fit = isQuick ? quickFit(whole) : whole;
  stage("our epochs");
  const { measurement, loss } = await measureFit(device, fit);
  const { peakBytes } = device.memory();
  const rows = [rowOf(benchCase, "webgpu", { ...measurement, peakBytes }, device.info, { version })];
  for (const peer of peers) {
    stage(`epochs of ${peer.backend}`);
    try {
      checkPlace(peer, device);
      const theirs = await peer.process.call({
        call: "fit",
        fit: { ...fit, epochs: Math.min(fit.epochs, mostEpochs) },
        longestMs,
      });
      // Fewer epochs than ours, where they take long: a loss that is a little higher is no other net.
      const difference = describeOtherFit(loss, theirs.loss);
      if (difference !== undefined) throw new Error(difference);
      const iterations = iterationsOf(fit);
      const steps = Math.floor(fit.rows / fit.net.batchSize) / iterations;
      const measurement = {
        ...summarise(theirs.ms.map((ms) => ms / iterations)),
        iterations,
        dispatches: theirs.dispatches * steps,
        submits: theirs.submits * steps,
      };
      rows.push(peerRow(meeting, peer, measurement));
    } catch (error) {
      onSkip(peer.backend, error);
    }
  }
  return rows;
}
