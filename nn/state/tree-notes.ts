// Trees of plain data for a file: JSON, with typed arrays and long lists of numbers as tensors, and numbers that JSON lacks.

import { DataError, type HostArray } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import type { HostTensor, StoredTensor } from "./safetensors.ts";

/** Lists of numbers that are as long go to the tensors. */
const longList = 32;

const dtypes = new Map<unknown, HostTensor["dtype"]>([
  [Float32Array, "f32"],
  [Float64Array, "f64"],
  [Int32Array, "i32"],
  [Uint32Array, "u32"],
  [Uint8Array, "u8"],
]);

/**
 * What JSON holds of a tree; arrays are put into `tensors` under the prefix and a number.
 *
 * @throws DataError for what is no plain data
 */
export function packed(
  what: string,
  prefix: string,
  tree: unknown,
  tensors: Map<string, HostTensor>,
): unknown {
  let count = 0;
  const keep = (dtype: HostTensor["dtype"], values: HostArray | Float64Array) => {
    const name = `${prefix}/${count++}`;
    tensors.set(name, { dtype, shape: [values.length], values });
    return { $tensor: name };
  };
  const pack = (value: unknown): unknown => {
    if (typeof value === "number")
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: text(value) };
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (value === undefined) return { $number: "undefined" };
    if (ArrayBuffer.isView(value)) {
      const dtype = dtypes.get(value.constructor);
      // Training may change it before it is written.
      if (dtype !== undefined) return keep(dtype, (value as Float32Array).slice());
    } else if (Array.isArray(value)) {
      if (value.length >= longList && value.every((part) => typeof part === "number")) {
        return { $list: keep("f64", Float64Array.from(value)).$tensor };
      }
      return value.map(pack);
    } else if (isPlainObject(value)) {
      const entries = Object.entries(value).filter(([, part]) => part !== undefined);
      return Object.fromEntries(
        entries.map(([key, part]) => [key.startsWith("$") ? `$${key}` : key, pack(part)]),
      );
    }
    throw new DataError(`${what}: holds ${Object.prototype.toString.call(value)}, which is no plain data`);
  };
  return pack(tree);
}

const text = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

/** The tree that {@link packed} made it of. */
export function unpacked(what: string, json: unknown, tensors: ReadonlyMap<string, StoredTensor>): unknown {
  const valuesOf = (name: unknown) => {
    const found = typeof name === "string" ? tensors.get(name) : undefined;
    if (found === undefined) throw new DataError(`${what}: lacks the tensor "${String(name)}"`);
    return found.values;
  };
  const unpack = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(unpack);
    if (!isPlainObject(value)) return value;
    if ("$number" in value) return value.$number === "undefined" ? undefined : Number(value.$number);
    // A copy: who gets it may change it.
    if ("$tensor" in value) return valuesOf(value.$tensor).slice();
    if ("$list" in value) return Array.from(valuesOf(value.$list));
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key.startsWith("$$") ? key.slice(1) : key, unpack(part)]),
    );
  };
  return unpack(json);
}

/** Where two trees of JSON differ: "config.units is 32 in the file and 64 here", the first few. */
export function differences(file: unknown, here: unknown, most = 3): string[] {
  const found: string[] = [];
  const compare = (a: unknown, b: unknown, path: string): void => {
    if (found.length >= most || Object.is(a, b)) return;
    const isList = Array.isArray(a) && Array.isArray(b);
    if (isList || (isPlainObject(a) && isPlainObject(b))) {
      const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
      for (const key of keys) {
        const [one, other] = [a, b].map((tree) => (tree as Record<string, unknown>)[key]);
        compare(one, other, path === "" ? key : isList ? `${path}[${key}]` : `${path}.${key}`);
      }
      return;
    }
    found.push(`${path} is ${shown(a)} in the file and ${shown(b)} here`);
  };
  compare(file, here, "");
  return found;
}

const shown = (value: unknown): string => {
  const json = JSON.stringify(value);
  return json === undefined ? "not there" : json.length > 60 ? `${json.slice(0, 60)}...` : json;
};
