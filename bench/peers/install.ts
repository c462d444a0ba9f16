// Brings the peers' packages, at the versions that are compared, into a cache of their own: they are no dependencies
// of this project and nobody has them who does not ask for them.

import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { PeerBackend } from "../bench-case.ts";
import { endWithUs, interruption, isInterrupted } from "../interrupt.ts";

const limitMs = 5 * 60_000;

const libraries = {
  tfjs: {
    "@tensorflow/tfjs-core": "4.22.0",
    "@tensorflow/tfjs-layers": "4.22.0",
    "@tensorflow/tfjs-backend-cpu": "4.22.0",
    "@tensorflow/tfjs-backend-webgpu": "4.22.0",
    "@tensorflow/tfjs-backend-wasm": "4.22.0",
  },
  "jax-js": { "@jax-js/jax": "0.1.25" },
  // Models are made here, in memory: protobufjs writes them.
  ort: { "onnxruntime-web": "1.30.0", protobufjs: "7.6.6" },
} as const satisfies Record<string, Record<string, string>>;

type Library = keyof typeof libraries;

/** "jax-js" of "jax-js-webgpu". */
const libraryOf = (backend: PeerBackend) => backend.slice(0, backend.lastIndexOf("-")) as Library;

/**
 * The folder whose node_modules holds what `backend` needs, installed if it is not there yet. Throws with npm's own
 * words where that fails.
 */
export async function installPeer(backend: PeerBackend, cache: string): Promise<string> {
  const library = libraryOf(backend);
  const folder = path.join(cache, library);
  const wanted = Object.entries(libraries[library]);
  if (await holds(folder, wanted)) return folder;
  await mkdir(folder, { recursive: true });
  // npm looks upwards for a project unless there is one.
  await writeFile(path.join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  const names = wanted.map(([name, version]) => `${name}@${version}`);
  await npm(
    "install",
    "--prefix",
    folder,
    "--loglevel=error",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    ...names,
  );
  if (!(await holds(folder, wanted)))
    throw new Error(`npm installed ${names.join(", ")}, but not those versions`);
  return folder;
}

async function holds(folder: string, wanted: readonly (readonly [string, string])[]): Promise<boolean> {
  const found = await Promise.all(
    wanted.map(async ([name, version]) => {
      try {
        const file = path.join(folder, "node_modules", name, "package.json");
        return JSON.parse(await readFile(file, "utf8")).version === version;
      } catch {
        return false;
      }
    }),
  );
  return found.every(Boolean);
}

function npm(...args: string[]): Promise<void> {
  // npm tells its scripts where it lives; calling that file with this Node works on every platform.
  const cli = process.env.npm_execpath;
  const [name, rest] =
    cli !== undefined && /\.c?js$/.test(cli)
      ? [process.execPath, [cli, ...args]]
      : process.platform === "win32"
        ? ["cmd.exe", ["/d", "/c", "npm", ...args]]
        : ["npm", args];
  return new Promise((resolve, reject) => {
    const child = spawn(name, rest, {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: limitMs,
      windowsHide: true,
    });
    endWithUs(child);
    let said = "";
    child.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-4000);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve();
      if (isInterrupted()) return reject(new Error(interruption));
      reject(new Error(`could not be installed: ${reasonIn(said) ?? `npm ended with ${code}`}`));
    });
  });
}

/** Npm's first complaints, on one line, without addresses: results are kept, and whose mirror it was is nobody's business. */
export function reasonIn(said: string): string | undefined {
  const lines = said.split("\n").filter((line) => /^npm (error|ERR!)/.test(line));
  const text = lines
    .slice(0, 3)
    .map((line) => line.replace(/^npm (error|ERR!) */, "").trim())
    .join("; ");
  return text === ""
    ? undefined
    : text.replace(/\b(https?:\/\/|(?=[\w-]+\.[\w.-]+:\d))[^\s;]+/g, "(the registry)");
}
