// Types of the parts of setup.mjs that TypeScript files use.
export interface AdapterChoice {
  name: "system" | "lavapipe" | "swiftshader";
  env: Record<string, string>;
  probe: { info: Record<string, unknown>; limits: Record<string, number>; features: string[] };
}
export const root: string;
export const cacheDir: string;
export function adapters(): AdapterChoice[];
export function adapterEnv(): Record<string, string>;
export function chromium(): string | undefined;
