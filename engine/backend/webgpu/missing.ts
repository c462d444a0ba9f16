// Why no WebGPU adapter could be opened and what to do about it, in Node and in pages. Loaded when that happens.

import type { FoundGpu } from "./gpu.ts";
import { whyInNode } from "./missing-node.ts";

/** One sentence or two, for errors and warnings. */
export function whyNoAdapter(found: FoundGpu): string {
  return whyInNode(found) ?? inPage(found);
}

interface PageGlobals {
  readonly isSecureContext?: boolean;
  readonly navigator?: { readonly userAgent?: string };
  readonly location?: { readonly origin?: string };
}

function inPage({ gpu }: FoundGpu): string {
  const { isSecureContext, navigator, location } = globalThis as PageGlobals;
  const agent = navigator?.userAgent ?? "";
  if (gpu !== undefined) return `this browser has WebGPU but no adapter for it; ${adapterRemedy(agent)}`;
  if (isSecureContext === false)
    return `browsers offer WebGPU to secure pages only, and ${location?.origin ?? "this one"} is not one; serve it over https or from localhost`;
  return `this browser offers no WebGPU. ${browsers}`;
}

const browsers =
  "Chrome and Edge have it from 113 (on Android from 121, on Linux behind chrome://flags/#enable-unsafe-webgpu), Firefox from 141 on Windows and 145 on Macs, Safari from 26";

function adapterRemedy(agent: string): string {
  if (/firefox/i.test(agent))
    return "about:support shows its state under Graphics, and a newer driver may help";
  if (!/chrom/i.test(agent)) return "a newer system or graphics driver may help";
  const linux = /linux/i.test(agent) && !/android/i.test(agent);
  const flags = linux ? ", on Linux with --enable-unsafe-webgpu --enable-features=Vulkan" : "";
  return `chrome://gpu says why: turn graphics acceleration on in the settings, update the graphics driver, or start the browser with --ignore-gpu-blocklist${flags}`;
}
