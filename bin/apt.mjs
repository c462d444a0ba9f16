// What a person types to get a software WebGPU adapter (lavapipe, from Mesa) on this machine.

import fs from "node:fs";
import path from "node:path";

export const has = (name) =>
  (process.env.PATH ?? "").split(path.delimiter).some((dir) => dir && fs.existsSync(path.join(dir, name)));

export const hasApt = () => process.platform === "linux" && has("apt-get") && has("dpkg");

export function osRelease() {
  const fields = {};
  try {
    for (const line of fs.readFileSync("/etc/os-release", "utf8").split("\n")) {
      const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (key) fields[key] = value.replace(/^"|"$/g, "");
    }
  } catch {
    // not Linux, or a very bare one
  }
  return fields;
}

/** The machine's apt source files, one-line (.list) and deb822 (.sources). */
export function aptSourceFiles() {
  const directory = "/etc/apt/sources.list.d";
  const parts = fs.existsSync(directory)
    ? fs
        .readdirSync(directory)
        .filter((name) => /\.(list|sources)$/.test(name))
        .sort()
        .map((name) => path.join(directory, name))
    : [];
  return ["/etc/apt/sources.list", ...parts].filter((file) => fs.existsSync(file));
}

/** Binary package sources in the text of one apt source file. Exported for its tests. */
export function parseAptSources(text, isDeb822) {
  const sources = [];
  if (!isDeb822) {
    for (const line of text.split("\n")) {
      const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
      if (!match) continue;
      const [, options, uri, suite, components] = match;
      sources.push({
        uris: [uri],
        suites: [suite],
        components: components.trim().split(/\s+/),
        options: (options ?? "").trim(),
        extra: [],
      });
    }
    return sources;
  }
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = new Map();
    let last;
    for (const line of stanza.split("\n")) {
      if (line.startsWith("#") || line.trim() === "") continue;
      if (/^\s/.test(line) && last) {
        fields.set(last, `${fields.get(last)}\n${line}`);
        continue;
      }
      const colon = line.indexOf(":");
      if (colon < 0) continue;
      last = line.slice(0, colon).trim().toLowerCase();
      fields.set(last, line.slice(colon + 1).trim());
    }
    const words = (name) => (fields.get(name) ?? "").trim().split(/\s+/).filter(Boolean);
    if (!words("types").includes("deb") || /^no$/i.test(fields.get("enabled") ?? "")) continue;
    sources.push({
      uris: words("uris"),
      suites: words("suites"),
      components: words("components"),
      options: "",
      extra: ["signed-by", "trusted", "architectures"]
        .filter((name) => fields.has(name))
        .map((name) => `${name}: ${fields.get(name)}`),
    });
  }
  return sources;
}

/** The backports source of this release, taken from where the machine already gets the release itself. */
export function backportsSource(codename) {
  for (const file of aptSourceFiles()) {
    const isDeb822 = file.endsWith(".sources");
    for (const source of parseAptSources(fs.readFileSync(file, "utf8"), isDeb822)) {
      if (!source.suites.includes(codename) || !source.components.includes("main")) continue;
      const suite = `${codename}-backports`;
      const options = source.options ? `[${source.options}] ` : "";
      return isDeb822
        ? {
            name: "gradgpu-backports.sources",
            text: `Types: deb\nURIs: ${source.uris.join(" ")}\nSuites: ${suite}\nComponents: main\n${source.extra
              .map((line) => `${line}\n`)
              .join("")}`,
          }
        : { name: "gradgpu-backports.list", text: `deb ${options}${source.uris[0]} ${suite} main\n` };
    }
  }
  return undefined;
}

/** What a person types to get a software adapter on this machine, as lines. */
export function lavapipeRemedy() {
  if (process.platform !== "linux") {
    return [
      "WebGPU needs a working graphics driver here; update the system's own, then run the doctor again",
    ];
  }
  if (!hasApt()) {
    return [
      "install a Vulkan driver with your package manager, then run the doctor again",
      "  Fedora: sudo dnf install mesa-vulkan-drivers vulkan-loader",
      "  Arch:   sudo pacman -S vulkan-swrast vulkan-icd-loader",
    ];
  }
  const { ID: id, VERSION_CODENAME: codename } = osRelease();
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  if (id === "debian" && codename === "bookworm") {
    const source = backportsSource(codename);
    const lines = (source?.text ?? "deb URI-OF-YOUR-DEBIAN-MIRROR bookworm-backports main\n")
      .trimEnd()
      .split("\n");
    const quoted = lines.map((line) => `'${line}'`).join(" ");
    const file = `/etc/apt/sources.list.d/${source?.name ?? "gradgpu-backports.list"}`;
    return [
      `printf '%s\\n' ${quoted} | ${sudo}tee ${file}`,
      `${sudo}apt-get update`,
      `${sudo}apt-get install -y mesa-vulkan-drivers/bookworm-backports libvulkan1`,
    ];
  }
  return [`${sudo}apt-get update`, `${sudo}apt-get install -y mesa-vulkan-drivers libvulkan1`];
}
