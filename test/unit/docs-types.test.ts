// Every TypeScript snippet of the README and the docs compiles as a user's compiler sees it, strictly and against the
// declarations that the package ships; those of the README with noUncheckedIndexedAccess too.

import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile, emittedDeclarations } from "../support/declarations.ts";
import { blocksOf, cache, publicModules, root } from "../support/doc-snippets.ts";

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...fs.readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`),
].filter((page) => page.endsWith(".md"));

/** What a fragment, a snippet that imports nothing, takes for given: a model, its data, a step, a tape. */
const given = `
import { assertCloseToReference, debug, exp, noLeaks, type Jitted, type Tape, type Tensor } from "gradgpu";
import type { Sequential } from "gradgpu/nn";
declare const model: Sequential;
declare const [x, y, loss]: [Tensor, Tensor, Tensor];
declare const step: Jitted<Tensor[], Tensor>;
declare const tape: Tape;
`;

/** The file that a snippet says it is, where it is a part of the package. */
const placeOf = (code: string): string | undefined => /^\/\/ ((?:engine|nn)\/\S+\.ts)$/m.exec(code)?.[1];

/** A snippet as a module: a part of the engine finds its neighbours, a fragment what is given. */
function moduleOf(code: string): string {
  const place = placeOf(code);
  if (place === undefined) return /^import /m.test(code) ? code : `${given}${code}`;
  const beside = path.dirname(path.join(root, place));
  return code.replace(/from "(\.[^"]*)"/g, (_, file) => `from ${JSON.stringify(path.join(beside, file))}`);
}

/** What the compiler must find out by itself: a mistake here is a type of the library that got worse. */
const inferred = `
import {
  checkpoint, customGradient, grad, hvp, jit, matmul, mul, square, sum, Tape, type Tensor, tensor, valueAndGrad,
  type Variable, variable, variableGrads, vjp,
} from "gradgpu";
import { trainTestSplit } from "gradgpu/data";
import { type Logs, Sequential } from "gradgpu/nn";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_ extends true>() => {};
const [x, y, w] = [tensor([1]), tensor([2]), variable([3])] as const;

// As many arrays as there are, with options or without.
const split = trainTestSplit(new Uint8Array(8), [1, 2], x, ["a"], { seed: 1 });
is<Same<typeof split, [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, number[], number[], Tensor, Tensor, string[], string[]]>>();
is<Same<ReturnType<typeof trainTestSplit<[number[]]>>, [number[], number[]]>>();
// @ts-expect-error no option of it
trainTestSplit([1, 2], { test_size: 1 });

// Parameters without a type are tensors; others have theirs, and so has what a named function takes.
const one = jit((a) => square(a));
is<Same<Parameters<typeof one>, [a: Tensor]>>();
const scaled = jit((a, factor: number) => ({ scaled: mul(a, factor), axes: [a] as const }));
is<Same<Parameters<typeof scaled>, [a: Tensor, factor: number]>>();
is<Same<ReturnType<typeof scaled>["axes"][0], Tensor>>();
jit(mul)(x, 2);
jit(matmul).run({ steps: 2 }, x, y);
// @ts-expect-error a number where a tensor is wanted
one(1);
is<Same<Parameters<ReturnType<typeof checkpoint<(a: Tensor) => Tensor>>>, [a: Tensor]>>();
checkpoint((a) => square(a))(x).dispose();
customGradient((a, k: number) => mul(a, k), ({ grad }) => [grad()])(x, 3).dispose();

// Gradients are a tuple where their number is known.
is<Same<typeof both, [Tensor, Tensor]>>();
const both = grad((a: Tensor, b: Tensor) => sum(mul(a, b)))(x, y);
// @ts-expect-error one argument is missing
grad((a: Tensor, b: Tensor) => sum(mul(a, b)))(x);
is<Same<typeof second, [Tensor]>>();
const second = grad((a: Tensor, b: Tensor) => sum(mul(a, b)), { argnums: 1 })(x, y);
is<Same<typeof turned, [Tensor, Tensor]>>();
const turned = grad((a: Tensor, b: Tensor, c: Tensor) => sum(mul(mul(a, b), c)), { argnums: [2, 0] })(x, y, x);
const { aux, grads } = valueAndGrad((a) => [sum(a), { a }], { hasAux: true })(x);
is<Same<typeof aux, { a: Tensor }>>();
is<Same<typeof grads, [Tensor]>>();
const ofVariables = variableGrads(() => sum(w), [w, w]).grads;
is<Same<typeof ofVariables, [Tensor, Tensor]>>();
declare const many: Variable[];
const ofMany = variableGrads(() => sum(w), many).grads;
is<Same<typeof ofMany, Tensor[]>>();
const [dw] = new Tape().gradient(x, [w]);
is<Same<typeof dw, Tensor>>();
const [product] = hvp((a) => sum(square(a)), [x], [y]).products;
is<Same<typeof product, Tensor>>();
const [pulled] = vjp((a) => square(a), x).pullback();
is<Same<typeof pulled, Tensor>>();

const model = new Sequential();
const { history } = await model.fit([[1]], [1]);
is<Same<typeof history.loss, number[]>>();
const [loss] = await model.evaluate([[1]], [1]);
is<Same<typeof loss, number>>();
const onEpochEnd = (_: number, { loss }: Logs) => loss.toFixed();
void onEpochEnd;
`;

const snippets = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ kind }) => kind === "ts")
    .map(({ code }, i) => ({ name: `${page} ${i + 1}`, code })),
);

const fileOf = (name: string) => `${name.replace(/\W+/g, "-")}.ts`;

/** Users' settings, and the snippets that keep to them. A file of the package keeps to the package's. */
const settings = {
  strict: { options: {}, of: [...snippets, { name: "inferred types", code: inferred }] },
  noUncheckedIndexedAccess: {
    options: { noUncheckedIndexedAccess: true },
    of: [
      ...snippets.filter(({ name, code }) => name.startsWith("README") && placeOf(code) === undefined),
      { name: "inferred types", code: inferred },
    ],
  },
};
type Setting = keyof typeof settings;

/** Checks all snippets of a setting at once; the mistakes of each. */
async function check(setting: Setting): Promise<Map<string, string[]>> {
  const { options, of } = settings[setting];
  const declared = Object.entries(publicModules).map(([name, file]) => [
    name,
    [path.join(types, file.replace(/\.ts$/, ".d.ts"))],
  ]);
  const compilerOptions = {
    strict: true,
    ...options,
    noEmit: true,
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    moduleDetection: "force",
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    lib: ["es2023", "esnext.disposable", "dom"],
    types: ["node", "@webgpu/types"],
    typeRoots: [path.join(root, "node_modules/@types"), path.join(root, "node_modules")],
    paths: Object.fromEntries(declared),
  };
  const files = [...of.map(({ name }) => fileOf(name)), path.join(root, "shaders/wgsl.d.ts")];
  const config = path.join(folder, `${setting}.json`);
  fs.writeFileSync(config, JSON.stringify({ compilerOptions, files }));
  const mistakes = new Map<string, string[]>();
  for (const line of await compile("-p", config)) {
    const file = path.basename(/^(.+?)\(\d+,\d+\): error/.exec(line)?.[1] ?? "");
    const name = of.find((snippet) => fileOf(snippet.name) === file)?.name ?? "elsewhere";
    mistakes.set(name, [...(mistakes.get(name) ?? []), line]);
  }
  return mistakes;
}

let folder: string;
/** That of the declarations. */
let types: string;
const found = new Map<Setting, Map<string, string[]>>();

beforeAll(async () => {
  fs.mkdirSync(cache, { recursive: true });
  folder = fs.mkdtempSync(path.join(cache, "docs-types-"));
  for (const { name, code } of settings.strict.of)
    fs.writeFileSync(path.join(folder, fileOf(name)), moduleOf(code));
  const emitted = await emittedDeclarations();
  expect(emitted.mistakes).toEqual([]);
  types = emitted.folder;
  for (const setting of Object.keys(settings) as Setting[]) found.set(setting, await check(setting));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("snippets of the docs", () => {
  it("are found", () => {
    expect(settings.strict.of.length).toBeGreaterThanOrEqual(30);
    expect(settings.noUncheckedIndexedAccess.of.length).toBeGreaterThanOrEqual(4);
  });

  describe.each(Object.keys(settings) as Setting[])("compile under %s", (setting) => {
    it.each(settings[setting].of.map(({ name }) => name))("%s", (name) => {
      expect(found.get(setting)?.get(name) ?? []).toEqual([]);
    });

    it("with declarations that compile", () => {
      expect(found.get(setting)?.get("elsewhere") ?? []).toEqual([]);
    });
  });
});
