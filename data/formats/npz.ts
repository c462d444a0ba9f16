// NumPy's npz files: zips of npy files, one for each array.

import { checkOptions, DataError, type OptionNames, printable } from "../../engine/base/errors.ts";
import { ByteReader, once, Turns } from "../sources/bytes.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { checkSource, type DataSource, readAll } from "../sources/source.ts";
import { type NpyArray, type NpyHeader, npyArray, npyHeader } from "./npy.ts";
import { unzipEntry, type ZipEntry, zipEntries } from "./zip.ts";

export interface NpzOptions extends ReadOptions {
  /** The arrays that are wanted, by name; default all. Others may be of any dtype. */
  names?: readonly string[];
  /** The most bytes that the file may have, and that its entries may expand to; default 2 GiB. */
  maxBytes?: number;
  /** The most arrays; default 10,000. */
  maxEntries?: number;
}

const npzOptions: OptionNames<NpzOptions> = { ...readOptions, names: true, maxBytes: true, maxEntries: true };

/**
 * Reads the arrays of an npz file by name, as `np.savez` and `np.savez_compressed` write them. Compressed ones need the npm
 * package `fflate`.
 *
 * ```js
 * const { x_train, y_train } = await readNpz("mnist.npz");
 * const images = tensor(x_train.values, x_train.shape);
 * ```
 *
 * @param source a path (Node), an address, bytes, a File or a stream
 * @throws DataError where the file is damaged, cut off, beyond the limits, or holds what is no number
 */
export async function readNpz(
  source: DataSource,
  options: NpzOptions = {},
): Promise<Record<string, NpyArray>> {
  checkOptions("readNpz", options, npzOptions);
  checkSource("readNpz", source);
  const npz = await openNpz("readNpz", source, options);
  // An array may be called as properties of objects are.
  const arrays: Record<string, NpyArray> = Object.create(null);
  for (const name of options.names ?? npz.names) {
    const { label, header, raw } = await npz.read(name);
    arrays[name] = npyArray(label, header, raw);
  }
  return arrays;
}

export interface Npz {
  readonly file: string;
  readonly names: readonly string[];
  /** An array's header and the bytes behind it. @throws DataError where there is none of that name */
  read(name: string): Promise<{ label: string; header: NpyHeader; raw: Uint8Array }>;
}

/** Opens an npz file, of whose arrays each is unzipped when it is read. */
export async function openNpz(
  call: string,
  source: DataSource,
  options: NpzOptions,
  remedy = "look at the path",
): Promise<Npz> {
  const waiting = waitingOf(call, options);
  const mostBytes = limitOf(call, "maxBytes", options.maxBytes ?? 2 ** 31);
  const mostEntries = limitOf(call, "maxEntries", options.maxEntries ?? 10_000);
  const { name: file, bytes } = await readAll(source, waiting, mostBytes, remedy);
  const entries = new Map<string, ZipEntry>();
  for (const entry of zipEntries(file, bytes, { mostBytes, mostEntries }))
    if (entry.name.endsWith(".npy")) entries.set(entry.name.slice(0, -4), entry);
  const turns = new Turns(file, waiting.signal);
  return {
    file,
    names: [...entries.keys()],
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) {
        const known = [...entries.keys()].map((one) => printable(one)).join(", ");
        throw new DataError(
          `${printable(file)}: has no array "${printable(name)}"; it has ${known || "none"}`,
        );
      }
      const label = `${file}, ${name}`;
      const reader = new ByteReader(once(await unzipEntry(file, bytes, entry, turns)));
      const header = await npyHeader(label, reader);
      return { label, header, raw: await reader.take(Infinity) };
    },
  };
}
