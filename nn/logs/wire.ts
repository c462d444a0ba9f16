// Protobuf's wire form: messages put together field by field, and taken apart again.

import { DataError } from "../../engine/index.ts";

const encoder = new TextEncoder();

/** A message in the making. Fields are written in the order of the calls; those of the default value may be left out. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** int32, int64, bool or an enum; negative ones as 64 bits in two's complement. */
  int(field: number, value: number | boolean): this {
    return this.#push(varint(field * 8), varint(Number(value)));
  }

  double(field: number, value: number): this {
    return this.#push(varint(field * 8 + 1), doubles([value]));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(varint(field * 8 + 5), bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(varint(field * 8 + 2), varint(value.length), value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  /** One entry of a map of strings to messages. */
  entry(field: number, key: string, value: Message): this {
    return this.message(field, new Message().string(1, key).message(2, value));
  }

  finish(): Uint8Array {
    return joined(this.#parts, this.#length);
  }

  #push(...parts: Uint8Array[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.#length += part.length;
    }
    return this;
  }
}

/** Chunks as one array. */
export function joined(
  parts: readonly Uint8Array[],
  length = parts.reduce((sum, part) => sum + part.length, 0),
): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Little-endian float64. */
export function doubles(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat64(i * 8, values[i], true);
  return bytes;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** A field of a message that was read. */
export interface Field {
  readonly number: number;
  /** A varint, or the bits of a fixed-size number: 8 bytes in `bytes`. */
  readonly int: number;
  readonly bytes: Uint8Array;
}

const none = new Uint8Array();

/**
 * The fields of a message, in the order in which they stand there.
 *
 * @throws DataError where the bytes are no message
 */
export function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) break;
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
    throw malformed();
  };
  const take = (length: number): Uint8Array => {
    if (!(length >= 0 && length <= bytes.length - at)) throw malformed();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = readVarint();
    const number = Math.floor(key / 8);
    if (number < 1) throw malformed();
    switch (key % 8) {
      case 0:
        fields.push({ number, int: readVarint(), bytes: none });
        break;
      case 1:
        fields.push({ number, int: 0, bytes: take(8) });
        break;
      case 2:
        fields.push({ number, int: 0, bytes: take(readVarint()) });
        break;
      case 5:
        fields.push({ number, int: 0, bytes: take(4) });
        break;
      default:
        throw malformed();
    }
  }
  return fields;
}

const malformed = () =>
  new DataError("an event is no protobuf message: the file is damaged, or no event file; write it anew");

/** The numbers in bytes: float32 or float64, little-endian. */
export function floatsIn(bytes: Uint8Array, size: 4 | 8): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (at: number) => (size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => read(i * size));
}

const decoder = new TextDecoder();
export const textIn = (bytes: Uint8Array): string => decoder.decode(bytes);
