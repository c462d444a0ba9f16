// tfjs with its CPU backend, its gradients and its layers. In Node its package leaves the gradients out, so all are bundled
// from their modules, which also loads several times faster than they do.

import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/setup.mjs";

export type Tfjs = typeof import("@tensorflow/tfjs-core");
/** With `tfl`, which is tfjs-layers. */
export type TfjsLayers = Tfjs & { readonly tfl: typeof import("@tensorflow/tfjs-layers") };

export const loadTfjs = (): Promise<Tfjs> => load("tfjs", "");

export const loadTfjsLayers = (): Promise<TfjsLayers> =>
  load("tfjs-layers", `export * as tfl from "@tensorflow/tfjs-layers";`) as Promise<TfjsLayers>;

/** @param more besides the core, its CPU backend and its gradients */
async function load(name: string, more: string): Promise<Tfjs> {
  const packages = path.join(root, "node_modules", "@tensorflow");
  const { version } = JSON.parse(fs.readFileSync(path.join(packages, "tfjs-core", "package.json"), "utf8"));
  const folder = path.join(root, "node_modules", ".cache", "gradgpu");
  const file = path.join(folder, `${name}-${version}.mjs`);
  if (!fs.existsSync(file)) {
    const result = await build({
      stdin: {
        contents: `
          export * from "@tensorflow/tfjs-core";
          import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
          import "@tensorflow/tfjs-backend-cpu";
          ${more}`,
        resolveDir: root,
      },
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      banner: {
        js: `import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);`,
      },
      mainFields: ["module", "main"],
      logLevel: "error",
    });
    fs.mkdirSync(folder, { recursive: true });
    const temporary = `${file}.${process.pid}`;
    fs.writeFileSync(temporary, result.outputFiles[0].contents);
    fs.renameSync(temporary, file);
  }
  const tf = (await import(/* @vite-ignore */ `file://${file}`)) as Tfjs;
  await tf.setBackend("cpu");
  return tf;
}
