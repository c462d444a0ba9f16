// Builds the layer of layer.c, and gives the environment in which Dawn finds a GPU that the machine lacks.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const layerName = "VK_LAYER_GRADGPU_compile_only";
// The program is run from the repository's root, and from a bundle that lies elsewhere.
const source = path.resolve("bench/gpu-report/layer.c");
const cache = path.resolve("node_modules/.cache/gradgpu");
const icdFolders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];

/** The manifest of Mesa's driver for AMD GPUs. */
function findDriver(): string | undefined {
  for (const folder of icdFolders) {
    const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
    const found = names.find((name) => /^radeon_icd\..*json$/.test(name));
    if (found !== undefined) return path.join(folder, found);
  }
  return undefined;
}

/** Builds the layer where that is not done yet; why not, where it can't be. */
function buildLayer(folder: string): string | undefined {
  const library = path.join(folder, "layer.so");
  if (fs.existsSync(library) && fs.existsSync(path.join(folder, "layer.json"))) return undefined;
  if (!fs.existsSync("/usr/include/vulkan/vk_layer.h"))
    return "Vulkan's headers are missing: apt-get install libvulkan-dev";
  fs.mkdirSync(folder, { recursive: true });
  const made = `${library}.${process.pid}`;
  const { status, error, stderr } = spawnSync("cc", ["-O1", "-shared", "-fPIC", source, "-o", made], {
    encoding: "utf8",
  });
  if (error !== undefined) return "a C compiler is missing: apt-get install gcc libc6-dev";
  if (status !== 0) return `the C compiler refuses ${source}: ${stderr.trim()}`;
  fs.renameSync(made, library);
  const manifest = {
    file_format_version: "1.1.2",
    layer: {
      name: layerName,
      type: "GLOBAL",
      library_path: library,
      api_version: "1.3.0",
      implementation_version: "1",
      description: "compiles shaders and executes nothing",
      functions: { vkNegotiateLoaderLayerInterfaceVersion: "compile_only_negotiate" },
    },
  };
  fs.writeFileSync(path.join(folder, "layer.json"), JSON.stringify(manifest));
  return undefined;
}

/**
 * The environment of a process whose adapter is an AMD GPU that need not be there: shaders are compiled for it and their
 * statistics printed to standard error; nothing is computed.
 *
 * @param family the GPU, as RADV_FORCE_FAMILY names it
 * @param disassembles whether the machine code is printed too, which Mesa can't for the newest GPUs
 */
export function compilerFor(
  family: string,
  disassembles: boolean,
): { readonly env: NodeJS.ProcessEnv } | { readonly missing: string } {
  if (process.platform !== "linux") return { missing: "it needs Linux with Mesa's driver for AMD GPUs" };
  const driver = findDriver();
  if (driver === undefined)
    return { missing: "Mesa's driver for AMD GPUs is missing: apt-get install mesa-vulkan-drivers" };
  const digest = createHash("sha256").update(fs.readFileSync(source)).digest("hex").slice(0, 12);
  const folder = path.join(cache, `gpu-compiler-${digest}`);
  const missing = buildLayer(folder);
  if (missing !== undefined) return { missing };
  return {
    env: {
      ...process.env,
      VK_LAYER_PATH: folder,
      VK_INSTANCE_LAYERS: layerName,
      VK_DRIVER_FILES: driver,
      RADV_FORCE_FAMILY: family,
      RADV_DEBUG: `${disassembles ? "shaders," : ""}shaderstats,nocache`,
    },
  };
}
