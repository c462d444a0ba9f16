// Packages that only some readers and charts need: looked up when they are used, so that no bundle holds them otherwise.

import { ArgumentError, DataError, kindOf, unknownName } from "../../engine/base/errors.ts";
import { importByName } from "../../engine/internal.ts";
import { isNode } from "./files.ts";

const known = ["csv-parse", "echarts", "fflate", "hyparquet", "@resvg/resvg-js", "sharp"] as const;

/** The npm packages that readers of files and charts can use. */
export type OptionalPackage = (typeof known)[number];

/** What pages import where it is not the package itself. */
const inPages: Partial<Record<OptionalPackage, string>> = { "csv-parse": "csv-parse/browser/esm" };

const given = new Map<OptionalPackage, () => Promise<unknown>>();

/**
 * Says how an optional package is loaded, which a page needs that a bundler made: bundlers don't see what this library
 * imports by name, and so don't bundle it. In Node, and in pages whose import map has the package, nothing need be said.
 *
 * ```js
 * usePackage("fflate", () => import("fflate"));
 * usePackage("csv-parse", () => import("csv-parse/browser/esm"));
 * usePackage("hyparquet", () => import("hyparquet"));
 * ```
 *
 * @throws ArgumentError for a package that nothing uses
 */
export function usePackage(name: OptionalPackage, load: () => Promise<unknown>): void {
  if (typeof load !== "function") {
    throw new ArgumentError(
      `usePackage: the second argument must be a function that loads the package, as in () => import("${name}"), got ${kindOf(load)}`,
    );
  }
  if (!known.includes(name)) throw unknownName("package for usePackage", String(name), known);
  given.set(name, load);
}

/** @throws DataError that says how to get the package, where it is not there */
export async function optionalPackage<T>(name: OptionalPackage, purpose: string): Promise<T> {
  try {
    return (await (given.get(name)?.() ?? importByName<T>(name))) as T;
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    const isAbsent = /MODULE_NOT_FOUND/.test(code ?? "") && message.includes(name);
    const remedy = isNode()
      ? `npm install ${name}`
      : `npm install ${name}, and where a bundler makes the page: usePackage("${name}", () => import("${inPages[name] ?? name}"))`;
    throw new DataError(
      `${purpose} needs the npm package ${name}, which ${isAbsent ? "is not installed" : `can't be loaded (${message})`}: ${remedy}`,
      { cause },
    );
  }
}
