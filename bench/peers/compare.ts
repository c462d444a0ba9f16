// Times ours and the peers' in one run, after checking that they compute the same. Prints nothing.

import type { Device } from "../../engine/index.ts";
import type { BenchCase, PeerBackend, Row, Skipped } from "../bench-case.ts";
import { CaseDevices } from "../case-devices.ts";
import { firstStepsOf } from "./first-steps.ts";
import { fitBeside } from "./fit.ts";
import type { Meeting, MeetingOptions } from "./meeting.ts";
import { openPeer } from "./open.ts";
import type { OpenPeer } from "./process.ts";
import { checkedPeers, race } from "./steps.ts";

export interface CompareOptions extends MeetingOptions {
  readonly cases: readonly BenchCase[];
  readonly backends: readonly PeerBackend[];
  readonly onStage?: (what: string) => void;
  readonly onCase?: (benchCase: BenchCase) => void;
  /** Takes rows as they are measured, for who may not wait for the end. */
  readonly into?: { readonly rows: Row[]; readonly skipped: Skipped[] };
}

/** Whether peers take part in a case. */
export const hasPeers = ({ spec }: BenchCase) => spec !== undefined;

/** PyTorch is there for the nets: what it takes for single ops on the processor tells nothing about ours. */
const takesPart = ({ backend }: OpenPeer, { spec, phase }: BenchCase) =>
  backend !== "torch-cpu" || (spec?.kind === "net" && phase !== "cold");

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Rows of ours, on WebGPU, and of every peer; a peer that can't be had or computes something else is skipped. */
export async function comparePeers(options: CompareOptions): Promise<{ rows: Row[]; skipped: Skipped[] }> {
  const { cases, backends, limitMs, onStage = () => {}, onCase = () => {} } = options;
  const { rows, skipped } = options.into ?? { rows: [], skipped: [] };
  const skip = (
    { name, phase }: BenchCase,
    backend: Skipped["backend"],
    error: unknown,
    isFailure = backend === "webgpu",
  ) => skipped.push({ case: name, backend, phase, reason: textOf(error), isFailure });
  const met = cases.filter(hasPeers);
  let peers: OpenPeer[] = [];
  const devices = new CaseDevices("webgpu");
  /** A peer, or none where it can't be had: it is missing in all cases that are left then. */
  const open = async (backend: PeerBackend, left: readonly BenchCase[]): Promise<OpenPeer[]> => {
    onStage(`${backend}: installing and starting`);
    try {
      return [await openPeer(backend, { limitMs })];
    } catch (error) {
      for (const benchCase of left) skip(benchCase, backend, error);
      return [];
    }
  };
  try {
    for (const backend of backends) peers.push(...(await open(backend, met)));
    for (const [i, benchCase] of met.entries()) {
      onCase(benchCase);
      // One that crashed in a case, or was ended there, takes part in the next.
      const still: OpenPeer[] = [];
      for (const peer of peers)
        still.push(...(peer.process.hasEnded ? await open(peer.backend, met.slice(i)) : [peer]));
      peers = still;
      /** Opens a device where the case wants its own: a peak is the device's, and the check's model is no part of it. */
      const meet = <T>(use: (meeting: Meeting) => Promise<T>) =>
        devices.run(benchCase, (device: Device) =>
          use({
            ...options,
            benchCase,
            device,
            stage: (what) => onStage(`${benchCase.name} ${benchCase.phase}: ${what}`),
            onSkip: (backend, error) => skip(benchCase, backend, error),
          }),
        );
      try {
        const asked = peers.filter((peer) => takesPart(peer, benchCase));
        const outcome = await meetOnce(benchCase, meet, asked);
        if ("value" in outcome) rows.push(...outcome.value);
        else skip(benchCase, "webgpu", outcome.unfit, false);
      } catch (error) {
        skip(benchCase, "webgpu", error);
      }
    }
  } finally {
    devices.dispose();
    for (const peer of peers) await peer.process.close();
  }
  return { rows, skipped };
}

type Outcome<T> = { readonly value: T } | { readonly unfit: string };

async function meetOnce(
  { spec, phase }: BenchCase,
  meet: <T>(use: (meeting: Meeting) => Promise<T>) => Promise<Outcome<T>>,
  peers: readonly OpenPeer[],
): Promise<Outcome<Row[]>> {
  const work = spec!;
  if (work.kind === "fit") return meet((meeting) => fitBeside(meeting, work.fit, peers));
  if (phase === "cold") return meet((meeting) => firstStepsOf(meeting, work, peers));
  const checked = await meet((meeting) => checkedPeers(meeting, work, peers));
  if (!("value" in checked)) return checked;
  return meet((meeting) => race(meeting, work, checked.value));
}
