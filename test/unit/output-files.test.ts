// Files that a program writes at its end: what can't be written is known before, and none is ever left cut.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import promises from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { unwritable, writeWhole } from "../../scripts/output-files.mjs";
import { root } from "../../scripts/setup.mjs";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-files-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.chmodSync(folder, 0o755);
  fs.rmSync(folder, { recursive: true });
});
const inFolder = (...names: string[]) => path.join(folder, ...names);

describe("unwritable", () => {
  it("finds nothing wrong with new files, in folders that are not there yet, and makes none", async () => {
    expect(await unwritable(inFolder("a", "b", "c.json"))).toBeUndefined();
    fs.writeFileSync(inFolder("old.json"), "old");
    expect(await unwritable(inFolder("old.json"))).toBeUndefined();
    expect(fs.readdirSync(folder)).toEqual(["old.json"]);
  });

  it("says what stands in the way", async () => {
    fs.writeFileSync(inFolder("file"), "");
    expect(await unwritable(folder)).toMatch(/is a folder$/);
    expect(await unwritable(inFolder("file", "sub", "a.json"))).toMatch(
      /lies below .*file, which is a file$/,
    );
  });

  it.skipIf(process.getuid?.() === 0)("says that a folder is read-only (root may write anyway)", async () => {
    fs.chmodSync(folder, 0o555);
    expect(await unwritable(inFolder("a.json"))).toMatch(/may not be written into$/);
  });

  it("says that a file system is read-only, or full", async () => {
    const { W_OK } = fs.constants;
    const access = vi.spyOn(promises, "access").mockImplementation(async (_, mode) => {
      if (mode === W_OK) throw Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" });
    });
    expect(await unwritable(inFolder("a.json"))).toMatch(/may not be written into$/);
    access.mockRestore();
    const real = await promises.statfs(folder);
    vi.spyOn(promises, "statfs").mockResolvedValue({
      ...real,
      bsize: 512,
      blocks: 9000,
      bfree: 3,
      bavail: 3,
    });
    expect(await unwritable(inFolder("a.json"))).toMatch(/the disk of .* has 1536 bytes left$/);
  });
});

describe("writeWhole", () => {
  it("makes folders, replaces what is there, and leaves nothing beside it", async () => {
    const file = inFolder("deep", "er", "a.txt");
    await writeWhole(file, "first and longer");
    await writeWhole(file, new TextEncoder().encode("second"));
    expect(fs.readFileSync(file, "utf8")).toBe("second");
    expect(fs.readdirSync(path.dirname(file))).toEqual(["a.txt"]);
  });

  it("writes what a link points to", async () => {
    fs.writeFileSync(inFolder("real.txt"), "old");
    fs.symlinkSync("real.txt", inFolder("link.txt"));
    await writeWhole(inFolder("link.txt"), "new");
    expect(fs.readFileSync(inFolder("real.txt"), "utf8")).toBe("new");
    expect(fs.lstatSync(inFolder("link.txt")).isSymbolicLink()).toBe(true);
  });

  it.skipIf(process.platform === "win32")("leaves the old file where a new one finds no room", () => {
    const file = inFolder("a.bin");
    fs.writeFileSync(file, "old");
    // No file may grow beyond some kilobytes, as where a disk is full.
    const module = pathToFileURL(path.join(root, "scripts", "output-files.mjs"));
    const code = `const { writeWhole } = await import(${JSON.stringify(module)});
      await writeWhole(${JSON.stringify(file)}, Buffer.alloc(1e6)).catch((e) => console.log(e.code));`;
    const command = 'ulimit -f 8; exec "$0" --input-type=module -e "$1"';
    const said = execFileSync("sh", ["-c", command, process.execPath, code], { encoding: "utf8" });
    expect(said).toBe("EFBIG\n");
    expect(fs.readFileSync(file, "utf8")).toBe("old");
    expect(fs.readdirSync(folder)).toEqual(["a.bin"]);
  });
});
