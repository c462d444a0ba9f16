// Node's modules and packages, for the few things that no browser has. Bundlers must not find them: in a page they are
// never asked for, and in a server's bundle they are looked up where it runs.

interface NodeProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Since Node 20.13. */
  availableMemory?(): number;
  readonly versions?: { readonly node?: string };
  getBuiltinModule?(name: string): unknown;
}

/** The process, under Node. */
export const nodeProcess = (): NodeProcess | undefined => (globalThis as { process?: NodeProcess }).process;

/** A module such as "node:fs"; undefined elsewhere, and before Node 20.16. */
export const nodeModule = <T>(name: string): T | undefined =>
  nodeProcess()?.getBuiltinModule?.(name) as T | undefined;

/** A module of Node's, or a package that is looked up beside this one. Rejects where there is none. */
export const importByName = <T>(name: string): Promise<T> =>
  import(/* @vite-ignore */ /* webpackIgnore: true */ name) as Promise<T>;
