// Zip files: their directory, read strictly, and their entries, unzipped by `fflate` and checked by their checksums.

import { DataError, printable } from "../../engine/base/errors.ts";
import type { Turns } from "../sources/bytes.ts";
import { optionalPackage } from "../sources/packages.ts";
import { crc32 } from "./crc32.ts";

export interface ZipEntry {
  readonly name: string;
  /** How many bytes it expands to. */
  readonly size: number;
  readonly isDeflated: boolean;
  readonly crc: number;
  /** Where its bytes stand in the file. */
  readonly start: number;
  readonly end: number;
}

export interface ZipLimits {
  /** Of all entries together, unzipped. */
  readonly mostBytes: number;
  readonly mostEntries: number;
}

/** What deflate makes of as many bytes at most. */
const mostExpansion = 1032;

/** A view of a zip's bytes that refuses to read outside of them. */
class ZipBytes {
  readonly #view: DataView;

  constructor(
    readonly name: string,
    readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, true);
  }

  u64(at: number): number {
    const value = this.u32(at) + this.u32(at + 4) * 2 ** 32;
    if (!Number.isSafeInteger(value))
      throw this.refuse(`a size or place of more than 2^53 bytes at byte ${at}`);
    return value;
  }

  text(at: number, length: number): string {
    this.#check(at, length);
    return new TextDecoder().decode(this.bytes.subarray(at, at + length));
  }

  refuse(what: string): DataError {
    return new DataError(`${printable(this.name)}: is no zip file that can be read: ${what}`);
  }

  #check(at: number, length: number): void {
    if (!(at >= 0 && at + length <= this.bytes.length))
      throw this.refuse(`it points to byte ${at}, and has ${this.bytes.length}`);
  }
}

/** The entries of a zip file, by its directory. @throws DataError where it is damaged, hostile or beyond the limits */
export function zipEntries(name: string, bytes: Uint8Array, limits: ZipLimits): ZipEntry[] {
  const zip = new ZipBytes(name, bytes);
  const { count, start, end } = directoryOf(zip);
  if (count > limits.mostEntries)
    throw zip.refuse(
      `it has ${count} entries, more than ${limits.mostEntries}; raise { maxEntries } if that is right`,
    );
  const entries: ZipEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || zip.u32(at) !== 0x02014b50)
      throw zip.refuse(`its directory has no entry ${i} at byte ${at}`);
    const { entry, next } = entryAt(zip, at);
    entries.push(entry);
    at = next;
  }
  checkEntries(zip, entries, start, limits);
  return entries;
}

function directoryOf(zip: ZipBytes): { count: number; start: number; end: number } {
  const { length } = zip.bytes;
  // The last record is found from the end, behind it at most a comment.
  for (let at = length - 22; at >= Math.max(0, length - 22 - 0xffff); at--) {
    if (zip.u32(at) !== 0x06054b50 || at + 22 + zip.u16(at + 20) !== length) continue;
    let [count, size, start] = [zip.u16(at + 10), zip.u32(at + 12), zip.u32(at + 16)];
    if (at >= 20 && zip.u32(at - 20) === 0x07064b50) {
      const large = zip.u64(at - 12);
      if (zip.u32(large) !== 0x06064b50) throw zip.refuse("its 64-bit directory is not where it says");
      [count, size, start] = [zip.u64(large + 32), zip.u64(large + 40), zip.u64(large + 48)];
    }
    if (start + size > at) throw zip.refuse("its directory is longer than the file");
    return { count, start, end: start + size };
  }
  throw zip.refuse("it has no directory at its end; is it cut off?");
}

function entryAt(zip: ZipBytes, at: number): { entry: ZipEntry; next: number } {
  const [flags, method, crc] = [zip.u16(at + 8), zip.u16(at + 10), zip.u32(at + 16)];
  const [nameLength, extraLength, noteLength] = [zip.u16(at + 28), zip.u16(at + 30), zip.u16(at + 32)];
  const name = zip.text(at + 46, nameLength);
  const large = new Large(zip, at + 46 + nameLength, extraLength);
  const size = large.orOwn(zip.u32(at + 24));
  const packed = large.orOwn(zip.u32(at + 20));
  const header = large.orOwn(zip.u32(at + 42));
  const shown = `"${printable(name)}"`;
  if ((flags & 1) !== 0) throw zip.refuse(`${shown} is encrypted`);
  if (method !== 0 && method !== 8)
    throw zip.refuse(`${shown} is packed by method ${method}; 0 (stored) and 8 (deflate) are known`);
  if (method === 0 && size !== packed)
    throw zip.refuse(`${shown} is stored, and has ${packed} bytes for ${size}`);
  if (method === 8 && size > mostExpansion * packed + 1024)
    throw zip.refuse(`${shown} promises ${size} bytes of ${packed}, more than any can expand to`);
  if (zip.u32(header) !== 0x04034b50) throw zip.refuse(`${shown} does not begin at byte ${header}`);
  const localName = zip.u16(header + 26);
  if (zip.u16(header + 8) !== method || zip.text(header + 30, localName) !== name)
    throw zip.refuse(`${shown} is called or packed differently in the directory`);
  const start = header + 30 + localName + zip.u16(header + 28);
  return {
    entry: { name, size, isDeflated: method === 8, crc, start, end: start + packed },
    next: at + 46 + nameLength + extraLength + noteLength,
  };
}

/** The 64-bit numbers that stand in an extra field for those that don't fit, in their order. */
class Large {
  #at = -1;
  #end = -1;

  constructor(
    readonly zip: ZipBytes,
    start: number,
    length: number,
  ) {
    for (let at = start; at + 4 <= start + length; at += 4 + zip.u16(at + 2)) {
      if (zip.u16(at) !== 1) continue;
      this.#at = at + 4;
      this.#end = Math.min(at + 4 + zip.u16(at + 2), start + length);
    }
  }

  orOwn(value: number): number {
    if (value !== 0xffffffff) return value;
    if (this.#at < 0 || this.#at + 8 > this.#end) throw this.zip.refuse("a 64-bit size is missing");
    this.#at += 8;
    return this.zip.u64(this.#at - 8);
  }
}

/** Entries that share bytes make small files expand beyond measure; names that lead elsewhere are no names. */
function checkEntries(
  zip: ZipBytes,
  entries: readonly ZipEntry[],
  directory: number,
  limits: ZipLimits,
): void {
  const names = new Set<string>();
  let total = 0;
  for (const { name, size } of entries) {
    if (/^[/\\]|^[a-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\0/i.test(name))
      throw zip.refuse(`the name "${printable(name)}" leads out of it`);
    if (names.has(name)) throw zip.refuse(`it has two entries "${printable(name)}"`);
    names.add(name);
    total += size;
  }
  if (total > limits.mostBytes)
    throw zip.refuse(
      `it expands to ${total} bytes, more than ${limits.mostBytes}; raise { maxBytes } if that is right`,
    );
  const sorted = [...entries].sort((a, b) => a.start - b.start);
  sorted.forEach(({ name, start, end }, i) => {
    // The next one's header lies between, too.
    const next = i + 1 < sorted.length ? sorted[i + 1].start - 30 : directory;
    if (end > next || start > end) throw zip.refuse(`"${printable(name)}" overlaps what follows it`);
  });
}

interface Fflate {
  readonly Inflate: new (
    onData: (data: Uint8Array, isLast: boolean) => void,
  ) => {
    push(data: Uint8Array, isLast: boolean): void;
  };
}

/** So little is unzipped at once that what it expands to fits anywhere. */
const pieceBytes = 2 ** 12;

/** An entry's bytes. @throws DataError where they are not those that the directory tells of */
export async function unzipEntry(
  name: string,
  bytes: Uint8Array,
  entry: ZipEntry,
  turns: Turns,
): Promise<Uint8Array> {
  const packed = bytes.subarray(entry.start, entry.end);
  const damaged = (what: string) =>
    new DataError(`${printable(name)}: the entry "${printable(entry.name)}" ${what}; get the file again`);
  const whole = entry.isDeflated ? await inflate(packed, entry.size, damaged, turns) : packed;
  await turns.take();
  if (crc32(whole) !== entry.crc) throw damaged("is damaged: its checksum is another");
  return whole;
}

async function inflate(
  packed: Uint8Array,
  size: number,
  damaged: (what: string) => DataError,
  turns: Turns,
): Promise<Uint8Array> {
  const { Inflate } = await optionalPackage<Fflate>("fflate", "unzipping");
  const whole = new Uint8Array(size);
  let [end, isEnded] = [0, false];
  const inflating = new Inflate((data, isLast) => {
    if (end + data.length > size) throw damaged(`expands to more than its ${size} bytes`);
    whole.set(data, end);
    end += data.length;
    isEnded ||= isLast;
  });
  for (let start = 0; start < packed.length; start += pieceBytes) {
    const piece = packed.subarray(start, start + pieceBytes);
    try {
      inflating.push(piece, start + pieceBytes >= packed.length);
    } catch (error) {
      throw error instanceof DataError ? error : damaged(`is damaged (${(error as Error).message})`);
    }
    await turns.take();
  }
  if (!isEnded || end !== size) throw damaged(`has ${end} bytes, expected ${size}`);
  return whole;
}
