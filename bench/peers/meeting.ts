// One case where ours and the peers meet: who takes part, and who is told what happens.

import type { Device } from "../../engine/index.ts";
import type { BenchCase, Measurement, PeerBackend, Row } from "../bench-case.ts";
import { rowOf } from "../run-cases.ts";
import type { OpenPeer } from "./process.ts";
import type { Pace } from "./race.ts";

export interface MeetingOptions {
  /** Of gradgpu. */
  readonly version?: string;
  readonly isQuick?: boolean;
  /** Instead of each kind's own. */
  readonly pace?: Pace;
  /** Of one call to a peer. */
  readonly limitMs?: number;
}

export interface Meeting extends MeetingOptions {
  readonly benchCase: BenchCase;
  readonly device: Device;
  stage(what: string): void;
  onSkip(backend: PeerBackend, error: unknown): void;
}

/** Throws where a peer is on WebGPU, but not on our adapter. */
export function checkPlace({ backend, adapter }: OpenPeer, { info }: Device): void {
  if (backend.endsWith("webgpu") && adapter !== info.adapter)
    throw new Error(`it is on another adapter: ${adapter}`);
}

export function peerRow(
  { benchCase, device }: Pick<Meeting, "benchCase" | "device">,
  { backend, adapter, version }: OpenPeer,
  measurement: Measurement,
): Row {
  const place = backend.endsWith("webgpu")
    ? device.info
    : { adapter, driver: `V8 ${process.versions.v8}`, isSoftware: false };
  return rowOf(benchCase, backend, measurement, place, { version });
}
