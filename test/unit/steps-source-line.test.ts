// Stacks as the three JavaScript engines write them, and which frame of them is the user's.

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { parseStack, type StackFrame, userFrame } from "../../engine/base/source-line.ts";

const root = path.resolve(import.meta.dirname, "../..");
const frame = (file: string, line: number, column: number, functionName = ""): StackFrame => ({
  file,
  line,
  column,
  functionName,
});

describe("parseStack", () => {
  it("reads V8's", () => {
    const stack = `Error: with a message
    at captureSource (file:///work/engine/base/source-line.ts:70:10)
    at #recordCall (/work/engine/autograd/tape.ts:1:2)
    at Array.map (<anonymous>)
    at new Model (http://localhost:5173/src/model.ts?t=1700000000000:12:34)
    at Object.train [as run] (C:\\work\\my app\\train.ts:3:4)
    at async Promise.all (index 0)
    at async file:///work/with%20space/main.ts:5:6
    at async main (/home/me (old)/main.ts:7:8)
    at /home/me (old)/main.ts:9:10
    at eval (eval at run (/work/x.ts:1:1), <anonymous>:1:1)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`;
    expect(parseStack(stack)).toEqual([
      frame("/work/engine/base/source-line.ts", 70, 10, "captureSource"),
      frame("/work/engine/autograd/tape.ts", 1, 2, "#recordCall"),
      frame("http://localhost:5173/src/model.ts", 12, 34, "new Model"),
      frame("C:/work/my app/train.ts", 3, 4, "Object.train [as run]"),
      frame("/work/with space/main.ts", 5, 6),
      frame("/home/me (old)/main.ts", 7, 8, "main"),
      frame("/home/me (old)/main.ts", 9, 10),
      frame("node:internal/process/task_queues", 95, 5, "process.processTicksAndRejections"),
    ]);
  });

  it("reads SpiderMonkey's", () => {
    const stack = `captureSource@http://localhost:8080/dist/engine/base/source-line.js:70:10
record/<@http://localhost:8080/@fs/work/train.ts:3:4
async*main@http://localhost:8080/main.js?v=1:5:6
@http://localhost:8080/main.js:7:8
run@http://localhost:8080/x.js line 12 > eval:1:1
`;
    expect(parseStack(stack)).toEqual([
      frame("http://localhost:8080/dist/engine/base/source-line.js", 70, 10, "captureSource"),
      frame("http://localhost:8080/@fs/work/train.ts", 3, 4, "record/<"),
      frame("http://localhost:8080/main.js", 5, 6, "main"),
      frame("http://localhost:8080/main.js", 7, 8),
      frame("http://localhost:8080/x.js", 12, 0, "run"),
    ]);
  });

  it("reads JavaScriptCore's", () => {
    const stack = `captureSource@http://localhost:8080/lib.js:70:10
forEach@[native code]
http://localhost:8080/@fs/work/train.js:3:4
module code@http://localhost:8080/main.js:7:8`;
    expect(parseStack(stack)).toEqual([
      frame("http://localhost:8080/lib.js", 70, 10, "captureSource"),
      frame("http://localhost:8080/@fs/work/train.js", 3, 4),
      frame("http://localhost:8080/main.js", 7, 8, "module code"),
    ]);
  });

  it("finds nothing in nothing", () => expect(parseStack("")).toEqual([]));
});

describe("userFrame", () => {
  const at = (...files: string[]) => files.map((file, i) => frame(file, i + 1, 1));

  it("passes over the package's sources, and nothing else that is called so", () => {
    const own = "/work/engine/base/source-line.ts";
    const frames = at(
      own,
      "/work/engine/autograd/tape.ts",
      "/work/nn/layers/layer.ts",
      "/work/test/engine/x.ts",
    );
    expect(userFrame(frames, own)?.line).toBe(4);
    expect(userFrame(at(own, "/work/engineering/x.ts"), own)?.line).toBe(2);
  });

  it("passes over the built package", () => {
    const dist = "http://localhost/node_modules/gradgpu/dist";
    const own = `${dist}/engine/base/source-line.js`;
    expect(
      userFrame(
        at(own, `${dist}/nn/layers/layer.js`, `${dist}/optim/adam.js`, "http://localhost/main.js"),
        own,
      )?.line,
    ).toBe(4);
  });

  it("passes over what a development server made of the package", () => {
    const own = "http://localhost:5173/node_modules/.vite/deps/chunk-X.js";
    const nn = "http://localhost:5173/node_modules/.vite/deps/gradgpu_nn.js";
    expect(userFrame(at(own, nn, "http://localhost:5173/src/main.ts"), own)?.line).toBe(3);
  });

  it("counts where all is one file, and passes over the runtime", () => {
    const own = "http://localhost/bundle.js";
    expect(userFrame(at(...new Array(9).fill(own)), own)?.line).toBe(7);
    expect(userFrame(at("node:internal/x", own), "/elsewhere.js")?.line).toBe(2);
    expect(userFrame([], own)).toBeUndefined();
  });
});

const program = `import { init, mul, relu, split, sum, Tape, tensor } from "gradgpu";
await init({ device: "cpu" });
const x = tensor([1, 2, 3, 4]);
const tape = new Tape({ sourceLines: true }).watch(x);
const step = () => {
  const y = relu(x);
  return sum(
    mul(y, 2));
};
const loss = tape.record(step);
for (const { op, source } of tape.steps(loss)) console.log(op, source.line, source.file);
`;

/** The program and the engine in one file, as an application is bundled; and what it prints. */
async function bundled(options: {
  minify: boolean;
  sourcemap: boolean;
}): Promise<{ code: string; lines: string[] }> {
  const file = path.join(
    root,
    "node_modules/.cache/gradgpu",
    `lines-${Number(options.minify)}-${process.pid}.mjs`,
  );
  await build({
    stdin: { contents: program, resolveDir: root, sourcefile: "/work/user/program.ts", loader: "ts" },
    outfile: file,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minify: options.minify,
    sourcemap: options.sourcemap ? "inline" : false,
    alias: { gradgpu: path.join(root, "engine/index.ts") },
    external: ["webgpu"],
    loader: { ".wgsl": "text" },
    logLevel: "silent",
  });
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--enable-source-maps", file]);
    return { code: fs.readFileSync(file, "utf8"), lines: stdout.trim().split("\n") };
  } finally {
    fs.rmSync(file, { force: true });
  }
}

describe("in a bundle", () => {
  it("with source maps, lines are the program's", async () => {
    const { lines } = await bundled({ minify: true, sourcemap: true });
    expect(lines.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual(["sum 7", "mul 8", "relu 6"]);
    for (const line of lines) expect(line).toMatch(/work\/user\/program\.ts$/);
  });

  it("without them, lines are those of the bundle where the program calls", async () => {
    const { code, lines } = await bundled({ minify: false, sourcemap: false });
    const written = code.split("\n");
    const wanted = { sum: /return sum\w*\($/, mul: /mul\w*\(y, 2\)/, relu: /const y = relu\w*\(x\w*\)/ };
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const [op, number] = line.split(" ");
      expect(written[Number(number) - 1], line).toMatch(wanted[op as keyof typeof wanted]);
    }
  });
});
