// A page and its worker, bundled by each bundler with no more settings than it needs to be told where they are.

import path from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build as esbuild } from "esbuild";
import { rollup } from "rollup";
import { createLogger, build as vite } from "vite";
import webpack from "webpack";

/** Builds `page.js` and, where the bundler does not find it by itself, `worker.js` into `out`; gives its complaints. */
export type Bundler = (folder: string, out: string) => Promise<string[]>;

const both = (folder: string) => ["page.js", "worker.js"].map((name) => path.join(folder, name));

export const bundlers: Record<string, Bundler> = {
  async esbuild(folder, out) {
    const options = { bundle: true, minify: true, format: "esm", logLevel: "silent" } as const;
    const { errors, warnings } = await esbuild({ ...options, entryPoints: both(folder), outdir: out });
    return [...errors, ...warnings].map(({ text }) => text);
  },

  webpack(folder, out) {
    const output = { path: out, filename: "page.js" };
    return new Promise((resolve, reject) => {
      webpack({ mode: "production", context: folder, entry: "./page.js", output }, (error, stats) => {
        if (error) return reject(error);
        const { errors = [], warnings = [] } = stats!.toJson({ all: false, errors: true, warnings: true });
        resolve([...errors, ...warnings].map(({ message }) => message).filter(isNoAdvice));
      });
    });
  },

  async rollup(folder, out) {
    const complaints: string[] = [];
    const bundle = await rollup({
      input: both(folder),
      plugins: [nodeResolve()],
      onwarn: ({ message }) => complaints.push(message),
    });
    await bundle.write({ dir: out, format: "es" });
    await bundle.close();
    return complaints;
  },

  async vite(folder, out) {
    const complaints: string[] = [];
    const customLogger = createLogger("warn", { allowClearScreen: false });
    customLogger.info = () => {};
    customLogger.warn = (message) => complaints.push(message);
    customLogger.error = (message) => complaints.push(message);
    const input = path.join(folder, "page.js");
    const build = {
      outDir: out,
      emptyOutDir: true,
      // Vite's advice on large chunks, as webpack's below, is no complaint: a page with every op as a method is one.
      chunkSizeWarningLimit: 1000,
      // How long the bundler took is told of slow machines, not of the package.
      rolldownOptions: {
        input,
        output: { entryFileNames: "page.js" },
        checks: { bundlerTimings: false },
      },
    };
    await vite({ root: folder, base: "./", configFile: false, customLogger, build });
    return complaints;
  },
};

/** Webpack calls any page above 244 KiB large and recommends how to cut it: that is no complaint about the package. */
const isNoAdvice = (message: string) =>
  !/^(?:asset size limit|entrypoint size limit|webpack performance recommendations):/.test(message);
