// One colour for each backend, the same in all charts; each a custom property of the page.

import type { BackendName } from "../../bench-case.ts";

export const backendColours: Readonly<Record<BackendName, string>> = {
  webgpu: "var(--ours)",
  cpu: "var(--grey)",
  "tfjs-webgpu": "var(--orange)",
  "jax-js-webgpu": "var(--green)",
  "ort-webgpu": "var(--purple)",
  "tfjs-wasm": "var(--gold)",
  "jax-js-wasm": "var(--sky)",
  "tfjs-cpu": "var(--rose)",
  "torch-cpu": "var(--teal)",
};

/** As shown to people. */
export const backendTitles: Readonly<Record<BackendName, string>> = {
  webgpu: "gradgpu WebGPU",
  cpu: "gradgpu reference",
  "tfjs-webgpu": "tfjs WebGPU",
  "jax-js-webgpu": "jax-js WebGPU",
  "ort-webgpu": "onnxruntime-web WebGPU",
  "tfjs-wasm": "tfjs wasm",
  "jax-js-wasm": "jax-js wasm",
  "tfjs-cpu": "tfjs JavaScript",
  "torch-cpu": "PyTorch CPU",
};

/** Of case families in the roofline, in order of their appearance: as many colours as families that it shows. */
export const familyColours = [
  "var(--ours)",
  "var(--orange)",
  "var(--green)",
  "var(--purple)",
  "var(--gold)",
  "var(--sky)",
  "var(--rose)",
  "var(--teal)",
  "var(--brown)",
  "var(--ink)",
  "var(--olive)",
  "var(--grey)",
];
export const familySymbols = [
  "circle",
  "rect",
  "triangle",
  "diamond",
  "emptyCircle",
  "emptyRect",
  "emptyTriangle",
  "emptyDiamond",
];
