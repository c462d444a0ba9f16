// Node's own modules, for the few things that no browser has. Never imported by name: bundles for browsers must not
// find them, and where they are missing the caller does without.

interface NodeProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Since Node 20.13. */
  availableMemory?(): number;
  getBuiltinModule?(name: string): unknown;
}

/** The process, under Node. */
export const nodeProcess = (): NodeProcess | undefined => (globalThis as { process?: NodeProcess }).process;

/** A module such as "node:fs"; undefined elsewhere, and before Node 20.16. */
export const nodeModule = <T>(name: string): T | undefined =>
  nodeProcess()?.getBuiltinModule?.(name) as T | undefined;
