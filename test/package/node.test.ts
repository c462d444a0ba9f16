// The package in Node projects as they come: with webgpu, without it, and with one that can't be loaded. What errors and
// `npx gradgpu doctor` say then.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";
import { packed } from "../support/packed.ts";

const { folder } = await packed();
const made: string[] = [];

/** A project that has the package and, if code for it is given, a package webgpu. */
function project(webgpu?: string): string {
  const at = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-node-")));
  made.push(at);
  const modules = path.join(at, "node_modules");
  fs.cpSync(path.join(folder, "node_modules", "gradgpu"), path.join(modules, "gradgpu"), { recursive: true });
  if (webgpu !== undefined) {
    fs.mkdirSync(path.join(modules, "webgpu"));
    fs.writeFileSync(
      path.join(modules, "webgpu", "package.json"),
      '{ "name": "webgpu", "version": "9.9.9", "type": "module", "main": "index.js" }',
    );
    fs.writeFileSync(path.join(modules, "webgpu", "index.js"), webgpu);
  }
  return at;
}

afterAll(() => {
  for (const at of made) fs.rmSync(at, { recursive: true });
});

function node(cwd: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  return { status, stdout, stderr };
}

const evaluate = (cwd: string, code: string) => node(cwd, "--input-type=module", "--eval", code);

const openWebgpu = `import { init } from "gradgpu";
try { console.log((await init({ device: "webgpu" })).kind); }
catch (error) { console.log(error.name + ": " + error.message + " | " + error.cause?.message); }`;

const doctor = (cwd: string) =>
  node(cwd, path.join("node_modules", "gradgpu", "bin", "gradgpu.mjs"), "doctor");

describe("with the package webgpu", () => {
  const at = project();
  fs.symlinkSync(path.join(root, "node_modules", "webgpu"), path.join(at, "node_modules", "webgpu"));
  fs.writeFileSync(
    path.join(at, "program.mjs"),
    `import { dispose, init, tensor } from "gradgpu";
const device = await init();
console.error("a line of the program's own");
console.log(device.kind, ...(await tensor([1, 2]).data()));
dispose();`,
  );

  it("a program has no lines on standard error but its own and those that README.md tells how to leave out", () => {
    const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
    const [, redirection] = /`(2> >\(grep [^`]+)`/.exec(readme)!;
    const plain = node(at, "program.mjs");
    expect(plain.stdout).toMatch(/^(cpu|webgpu) 1 2\n$/);
    const lines = plain.stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("Warning: maxDynamic"))).toEqual([
      "a line of the program's own",
    ]);
    const command = `"${process.execPath}" program.mjs ${redirection}; wait`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command], { cwd: at, encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: plain.stdout, stderr: "a line of the program's own\n" });
  });
});

describe("names that are not built in", () => {
  it("work after gradgpu/names was imported, and the error says so", () => {
    const program = `import { losses } from "gradgpu/nn";
try { losses.get("dice"); } catch (error) { console.log(error.message); }
await import("gradgpu/names");
console.log(losses.get("dice").name);`;
    expect(evaluate(project(), program).stdout).toBe(
      'the loss "dice" is not built in; write import "gradgpu/names" at the top of the program, which knows all names, or pass losses.dice()\ndice\n',
    );
  });
});

describe("without the package webgpu", () => {
  const at = project();

  it("init says what to install", () => {
    expect(evaluate(at, openWebgpu).stdout).toMatch(
      /^DeviceError: init: [^|]*webgpu is not installed; `npm install webgpu` [^|]*device: "cpu"/,
    );
  });

  it("init of whatever there is computes on the reference, and warns", () => {
    const { stdout, stderr } = evaluate(
      at,
      `import { init } from "gradgpu"; console.log((await init()).kind);`,
    );
    expect(stdout).toBe("cpu\n");
    expect(stderr).toMatch(/`npm install webgpu`/);
  });

  it("the doctor says so too", () => {
    const { status, stdout } = doctor(at);
    expect(status).toBe(1);
    expect(stdout).toMatch(/webgpu \(Dawn[^\n]* not installed\n/);
    expect(stdout).toMatch(/the package webgpu \(Dawn\):\n +npm install webgpu\n/);
  });
});

describe("with a package webgpu that can't be loaded", () => {
  const at = project(`import "./gone.node"; export const create = () => {};`);

  it("init says why, and does not ask for what is there", () => {
    const { stdout } = evaluate(at, openWebgpu);
    expect(stdout).toMatch(
      /^DeviceError: init: the package webgpu could not be loaded: Cannot find module '[^']*gone\.node'/,
    );
    expect(stdout).toMatch(/`npx gradgpu doctor`/);
    expect(stdout).not.toMatch(/npm install/);
    expect(stdout).toMatch(/\| Cannot find module/);
  });

  it("the doctor shows the reason", () => {
    const { status, stdout } = doctor(at);
    expect(status).toBe(1);
    expect(stdout).toMatch(/webgpu can't be loaded +Cannot find module [^\n]*gone\.node/);
  });
});

describe("with an adapter missing", () => {
  it("init sends to the doctor", () => {
    const at = project(
      `export const globals = {}; export const create = () => ({ requestAdapter: async () => null });`,
    );
    const { stdout } = evaluate(at, openWebgpu);
    expect(stdout).toMatch(/^DeviceError: init: no WebGPU adapter was found[^|]*`npx gradgpu doctor`/);
    expect(doctor(at).stdout).toMatch(
      /Dawn finds no WebGPU adapter[\s\S]*\n {2}a (?:WebGPU adapter|driver that works):\n/,
    );
  });
});

describe("with webgpu", () => {
  it.skipIf(process.env.VK_DRIVER_FILES === undefined)(
    "init opens it, and the doctor shows the adapter",
    () => {
      expect(evaluate(folder, openWebgpu).stdout).toBe("webgpu\n");
      const { status, stdout } = doctor(folder);
      expect(status).toBe(0);
      expect(stdout).toMatch(/Adapter "\w+" +\(the one that is used\)/);
      expect(stdout).toMatch(/Nothing is missing\./);
    },
  );
});

it("training in a worker thread runs from the package, and reports", () => {
  const at = project();
  fs.writeFileSync(
    path.join(at, "task.mjs"),
    `import { init } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { workerTask } from "gradgpu/worker";
workerTask(async ({ epochs }, { signal, relay }) => {
  await init({ device: "cpu" });
  const model = new Sequential([new Input([1]), new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" });
  const { history } = await model.fit([[1], [2]], [2, 4], { epochs, verbose: 0, signal, callbacks: relay });
  return history.loss;
});`,
  );
  fs.writeFileSync(
    path.join(at, "program.mjs"),
    `import { inWorker } from "gradgpu/worker";
import { pathToFileURL } from "node:url";
const told = [];
const onEpochEnd = (epoch) => told.push(epoch);
const loss = await inWorker(pathToFileURL("task.mjs"), { data: { epochs: 3 }, onEpochEnd });
console.log(told.join(), loss.length, loss[2] < loss[0]);`,
  );
  const { stdout, stderr } = node(at, "program.mjs");
  expect(stderr).toBe("");
  expect(stdout).toBe("0,1,2 3 true\n");
});

describe("the command", () => {
  it("log makes a page of a folder of logs", () => {
    const at = project();
    const program = `import { createFileWriter } from "gradgpu/nn";
const writer = createFileWriter("logs/train");
for (const [step, loss] of [3, 2, 1].entries()) void writer.scalar("epoch_loss", loss, step);
await writer.close();`;
    expect(evaluate(at, program)).toEqual({ status: 0, stdout: "", stderr: "" });
    const bin = path.join("node_modules", "gradgpu", "bin", "gradgpu.mjs");
    const without = node(at, bin, "log", "logs");
    expect(without).toMatchObject({ status: 1 });
    expect(without.stderr).toMatch(/npm install echarts/);
    fs.symlinkSync(path.join(root, "node_modules", "echarts"), path.join(at, "node_modules", "echarts"));
    const { status, stdout, stderr } = node(at, bin, "log", "logs");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^1 runs? in logs\/log\.html/);
    const html = fs.readFileSync(path.join(at, "logs", "log.html"), "utf8");
    const [, json] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)!;
    expect(JSON.parse(json).scalars[0]).toMatchObject({ tag: "epoch_loss", series: [{ values: [3, 2, 1] }] });
    // Self-contained: it loads nothing.
    const markup = html.replace(/(<script[^>]*>).*?<\/script>/gs, "$1");
    expect(markup.length).toBeLessThan(100_000);
    expect(markup).not.toMatch(/ (?:src|href)="(?!data:|#)/);
  });

  it("says what there is", () => {
    const bin = path.join(folder, "node_modules", "gradgpu", "bin", "gradgpu.mjs");
    expect(node(folder, bin).stdout).toMatch(/gradgpu doctor/);
    const { status, stderr } = node(folder, bin, "docter");
    expect(status).toBe(1);
    expect(stderr).toMatch(/no command "docter"/);
  });
});

describe("in a page", () => {
  /** What init says where globals are a page's: no Node, and a navigator without an adapter, or without WebGPU. */
  const inPage = (globals: string) =>
    evaluate(
      folder,
      `import { init } from "gradgpu";
      Object.defineProperty(globalThis, "process", { value: undefined });
      for (const [name, value] of Object.entries(${globals})) Object.defineProperty(globalThis, name, { value, configurable: true });
      try { await init({ device: "webgpu" }); } catch (error) { console.log(error.message); }`,
    ).stdout;

  it.each([
    [
      "an insecure page",
      `{ isSecureContext: false, location: { origin: "http://10.1.2.3" }, navigator: {} }`,
      /secure pages only, and http:\/\/10\.1\.2\.3 is not one; serve it over https or from localhost/,
    ],
    [
      "an old Firefox",
      `{ isSecureContext: true, navigator: { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" } }`,
      /Firefox from 141/,
    ],
    [
      "an old Safari",
      `{ isSecureContext: true, navigator: { userAgent: "Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/17.0 Safari/605" } }`,
      /Safari from 26/,
    ],
    [
      "Chrome on Linux",
      `{ isSecureContext: true, navigator: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36" } }`,
      /chrome:\/\/flags\/#enable-unsafe-webgpu/,
    ],
    [
      "Chrome without an adapter",
      `{ isSecureContext: true, navigator: { userAgent: "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0", gpu: { requestAdapter: async () => null } } }`,
      /no adapter for it; chrome:\/\/gpu says why/,
    ],
  ])("says what %s lacks", (_, globals, expected) => {
    const said = inPage(globals);
    expect(said).toMatch(expected);
    expect(said).not.toMatch(/npm|npx/);
  });
});
