// Why Node has no WebGPU adapter. What bundles for pages take in its place is missing-node.browser.ts.

import { nodeProcess } from "../../base/host.ts";
import type { FoundGpu } from "./gpu.ts";

/** Undefined elsewhere than in Node. */
export function whyInNode({ gpu, cause }: FoundGpu): string | undefined {
  if (nodeProcess()?.versions?.node === undefined) return undefined;
  if (gpu !== undefined)
    return "no WebGPU adapter was found; a graphics driver is missing or was refused: `npx gradgpu doctor` says which, and what to install";
  if (isNotInstalled(cause))
    return "Node has no WebGPU of its own, and the package webgpu is not installed; `npm install webgpu` installs it";
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `the package webgpu could not be loaded: ${reason.trim()}. \`npx gradgpu doctor\` says more`;
}

/** Whether `webgpu` itself was looked for in vain, and not something that it needs. */
function isNotInstalled(cause: unknown): boolean {
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  return (
    (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") &&
    /(?:package|module) '?"?webgpu\b/i.test(String(message))
  );
}
