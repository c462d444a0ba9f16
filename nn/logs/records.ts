// Records: the framing of an event file. Each is its length (u64), that one's checksum, the data, and their checksum.

import { maskedCrc32c } from "./crc32c.ts";

const headBytes = 12;

/** The data as a record. */
export function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headBytes + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, headBytes);
  view.setUint32(headBytes + data.length, maskedCrc32c(data), true);
  return bytes;
}

export interface ReadRecords {
  readonly records: readonly Uint8Array[];
  /** How many bytes they take, from the file's start. */
  readonly used: number;
  /** Why the rest was not read: it ends within a record, as where a process was killed, or a checksum is wrong. */
  readonly ending: "whole" | "cut" | "damaged";
}

/** The whole records at the start of a file. */
export function readRecords(bytes: Uint8Array): ReadRecords {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  const end = (ending: ReadRecords["ending"]): ReadRecords => ({ records, used: at, ending });
  while (at < bytes.length) {
    if (bytes.length - at < headBytes) return end("cut");
    if (view.getUint32(at + 8, true) !== maskedCrc32c(bytes.subarray(at, at + 8))) return end("damaged");
    const length = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
    const start = at + headBytes;
    if (start + length + 4 > bytes.length) return end("cut");
    const data = bytes.subarray(start, start + length);
    if (view.getUint32(start + length, true) !== maskedCrc32c(data)) return end("damaged");
    records.push(data);
    at = start + length + 4;
  }
  return end("whole");
}
