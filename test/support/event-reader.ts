// An event file taken apart by protobufjs and the published messages of test/fixtures/events: knows nothing of nn/logs.

import fs from "node:fs";
import path from "node:path";
import protobuf from "protobufjs";

const proto = path.resolve(import.meta.dirname, "../fixtures/events/event.proto");
const { root } = protobuf.parse(fs.readFileSync(proto, "utf8"), { keepCase: true });

const options = { longs: Number, enums: String, defaults: true, oneofs: true } as const;

/** A message of one of the published types, as a plain object. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the message has
export function decoded(type: string, bytes: Uint8Array): any {
  const known = root.lookupType(`tensorboard.${type}`);
  return known.toObject(known.decode(bytes), options);
}

/** CRC-32C bit by bit, as RFC 3720 defines it, turned as records have it. */
export function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** The events of a file; throws where framing, a checksum or a message is wrong. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export function eventsIn(bytes: Uint8Array): any[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const found: any[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8)))
      throw new Error(`the length's checksum at ${at} is wrong`);
    if (view.getUint32(at + 12 + length, true) !== maskedCrc(data))
      throw new Error(`the data's checksum at ${at} is wrong`);
    found.push(decoded("Event", data));
    at += 16 + length;
  }
  return found;
}

/** All summaries in events: tag, step, plugin, tensor and the plugin's data. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export function summariesIn(events: readonly any[]): any[] {
  return events.flatMap((event) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    (event.summary?.value ?? []).map(({ tag, metadata, tensor }: any) => ({
      tag,
      step: event.step,
      plugin: metadata.plugin_data.plugin_name,
      content: metadata.plugin_data.content,
      dataClass: metadata.data_class,
      description: metadata.summary_description,
      tensor,
    })),
  );
}

/** The event files below a folder, by the folder that they lie in. */
export function eventFilesIn(folder: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const name of fs.readdirSync(folder, { recursive: true }) as string[]) {
    if (!path.basename(name).startsWith("events.out.tfevents.")) continue;
    const run = path.dirname(name);
    found.set(run, [...(found.get(run) ?? []), path.join(folder, name)]);
  }
  return found;
}
