// How many values the pages of a Parquet column say that they hold, read before anything makes room for them.

/** What a page's header says, in Thrift's compact form. */
interface PageHeader {
  readonly packed: number;
  readonly unpacked: number;
  readonly values: number;
  readonly isDictionary: boolean;
}

/** Structs stand in structs no deeper in any page's header. */
const mostDepth = 16;

class ThriftReader {
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
  ) {}

  byte(): number {
    if (this.at >= this.bytes.length) throw new Error("a page's header is cut off");
    return this.bytes[this.at++];
  }

  number(): number {
    let [value, scale] = [0, 1];
    for (let count = 0; count < 10; count++, scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error("a number in a page's header doesn't end");
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** The integers and structs of a struct, by their numbers. */
  struct(depth = 0): Map<number, number | Map<number, unknown>> {
    if (depth > mostDepth) throw new Error("a page's header is too deep");
    const fields = new Map<number, number | Map<number, unknown>>();
    for (let id = 0; ; ) {
      const byte = this.byte();
      if (byte === 0) return fields;
      const delta = byte >> 4;
      id = delta === 0 ? this.signed() : id + delta;
      const value = this.value(byte & 15, depth);
      if (value !== undefined) fields.set(id, value as number | Map<number, unknown>);
    }
  }

  value(type: number, depth: number): unknown {
    if (type === 1 || type === 2) return undefined;
    if (type === 3) return void this.byte();
    if (type >= 4 && type <= 6) return this.signed();
    if (type === 7) return void (this.at += 8);
    if (type === 8) return void (this.at += this.number());
    if (type === 12) return this.struct(depth + 1);
    if (type !== 9 && type !== 10) throw new Error(`a page's header has a field of type ${type}`);
    const head = this.byte();
    const count = head >> 4 === 15 ? this.number() : head >> 4;
    for (let i = 0; i < count; i++) {
      const from = this.at;
      this.value(head & 15, depth + 1);
      // Truths take a byte in lists.
      if (this.at === from) this.byte();
    }
    return undefined;
  }
}

function pageHeader(reader: ThriftReader): PageHeader {
  const fields = reader.struct();
  const inner = [5, 7, 8].map((id) => fields.get(id)).find((one) => one instanceof Map);
  const field = (id: number) => fields.get(id) as number;
  const values = inner instanceof Map ? inner.get(1) : 0;
  const header = { unpacked: field(2), packed: field(3), values: values as number };
  for (const [name, value] of Object.entries(header)) {
    if (!(Number.isSafeInteger(value) && value >= 0))
      throw new Error(`a page says ${name}: ${String(value)}`);
  }
  return { ...header, isDictionary: fields.get(0x1) === 2 };
}

/**
 * Throws where the pages of a column hold, as they say, other numbers of values than there are rows, or more bytes than
 * they may.
 *
 * @param bytes the column's part of the file
 */
export function checkPages(bytes: Uint8Array, rows: number, mostBytes: number): void {
  const reader = new ThriftReader(bytes, 0);
  let [values, unpacked] = [0, 0];
  while (reader.at < bytes.length && values < rows) {
    const header = pageHeader(reader);
    reader.at += header.packed;
    if (reader.at > bytes.length) throw new Error("a page is longer than its column");
    unpacked += header.unpacked;
    if (unpacked > mostBytes) throw new Error(`its pages expand to more than ${mostBytes} bytes`);
    // A dictionary has no more words than the column has values.
    if (header.values > rows)
      throw new Error(`a page says that it has ${header.values} values, and there are ${rows} rows`);
    if (!header.isDictionary) values += header.values;
  }
  if (values !== rows) throw new Error(`its pages have ${values} values for ${rows} rows`);
}
