// The stepper page: what a recording holds, the formulas against the ops themselves, the layout, the page's content.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  type Device,
  init,
  keep,
  matmul,
  mul,
  type OpFunction,
  sigmoid,
  square,
  sub,
  sum,
  Tape,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { recordSteps, stepperPage } from "../../engine/inspect/index.ts";
import { formulaOf, formulas } from "../../engine/inspect/stepper/formulas.ts";
import { type LayoutNode, layoutGraph } from "../../engine/inspect/stepper/layout.ts";
import { Notation, showNumber, subscript } from "../../engine/inspect/stepper/notation.ts";
import * as ops from "../../engine/ops/index.ts";
import { Dense, Input, Sequential } from "../../nn/index.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;

beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

/** What a page says: its title and articles without markup. */
const text = (page: string) =>
  [...page.matchAll(/<h1>.*?<\/h1>|<article[\s\S]*?<\/article>/g)]
    .join(" ")
    .replace(/<[^>]+>/g, " ")
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/(?:&nbsp;|\s)+/g, " ");

/** The worked example of note 002, with its names. */
function lesson() {
  const x = tensor([[0.1, 0.2]]);
  const t = tensor([[0.4, 0.6]]);
  const W1 = variable([0.3, 0.4, 0.25, 0.35], { shape: [2, 2], name: "W1" });
  const W2 = variable([0.45, 0.7, 0.4, 0.6], { shape: [2, 2], name: "W2" });
  const tape = new Tape({ retain: true });
  const { h, E } = tape.record(() => {
    const h = sigmoid(matmul(x, W1));
    return { h, E: sum(mul(square(sub(t, sigmoid(matmul(h, W2)))), 0.5)) };
  });
  tape.name({ x, t, h, E });
  return { tape, E };
}
const elements = { W2: ["w5", "w7", "w6", "w8"], h: ["h1", "h2"] };

describe("recordSteps", () => {
  it("holds every value, gradient and op of the walk, and lets nothing live on", async () => {
    const { tape, E } = lesson();
    // Scalars stay with the device from their first use on.
    await recordSteps(tape, E);
    await collectGarbage();
    const before = device.memory().tensors;
    const recording = await recordSteps(tape, E);
    expect(device.memory().tensors).toBe(before);
    expect(recording.loss).toBe("E");
    expect(recording.nodes.map(({ op }) => op)).toEqual([
      ...["matmul", "sigmoid", "matmul", "sigmoid", "sub", "square", "mul", "sum"],
    ]);
    const value = (name: string) => recording.values.find((one) => one.name === name)!;
    expect(value("E").data[0]).toBeCloseTo(0.0239719, 7);
    expect(value("E").gradient?.data).toEqual([1]);
    const wanted = [0.02592286, 0.00740844, 0.0262959, 0.00751506];
    value("W2").gradient?.data.forEach((got, i) => {
      expect(got).toBeCloseTo(wanted[i], 7);
    });
    expect(value("t").gradient).toBeUndefined();
    expect(recording.nodes[7].source).toMatch(/^test\/unit\/stepper\.test\.ts:\d+$/);
  });

  it("adds up what several readers contribute", async () => {
    const x = tensor([3]);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => sum(add(mul(x, x), mul(x, 5))));
    const { values } = await recordSteps(tape, loss);
    expect(values.find(({ name }) => name === "x")?.gradient?.data).toEqual([2 * 3 + 5]);
  });

  it("keeps the beginning of large tensors only", async () => {
    const x = tensor(new Float32Array(1000).fill(2));
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => sum(x));
    const { values } = await recordSteps(tape, loss, { maxElements: 10 });
    expect(values[0]).toMatchObject({ shape: [1000], data: new Array(10).fill(2) });
    expect(values[0].gradient?.data).toHaveLength(10);
  });

  it("asks for a tape that retains", async () => {
    const tape = new Tape().watch(tensor([1]));
    const x = tensor([1]);
    const loss = tape.watch(x).record(() => sum(x));
    await expect(recordSteps(tape, loss)).rejects.toThrow(ArgumentError);
    await expect(recordSteps(tape, loss)).rejects.toThrow(/new Tape\(\{ retain: true \}\)/);
  });
});

/** A template as JavaScript, with numbers in it. */
function evaluate(template: string, values: Record<string, number>): number {
  const [, yes, condition, no] = /^(.*) if (.*), else (.*)$/.exec(template) ?? [];
  if (yes !== undefined) return evaluate(condition, values) ? evaluate(yes, values) : evaluate(no, values);
  const code = template
    .replace(/\{(\w+)\}/g, (_, name) => {
      expect(values, `${template}: ${name}`).toHaveProperty(name);
      return `(${values[name]})`;
    })
    .replaceAll("−", "-")
    .replaceAll("·", "*")
    .replaceAll("²", "**2")
    .replaceAll("^", "**")
    .replaceAll("√", "Math.sqrt")
    .replace(/\|([^|]*)\|/g, "Math.abs($1)")
    .replace(/\bln\b/g, "Math.log")
    .replace(/\b(?<!Math\.)(exp|sin|cos|tan|sinh|cosh|tanh|asinh|atan|sign|max|min)\(/g, "Math.$1(")
    // JavaScript wants parentheses around a power's negated base; paper does not.
    .replace(/-(\([^()]*\)|Math\.\w+\([^()]*\))/g, "-1*$1");
  return new Function(`return ${code};`)() as number;
}

describe("formulas", () => {
  const functions = ops as unknown as Record<string, OpFunction<Tensor[], Tensor> | undefined>;
  const rows = Object.entries(formulas).filter(([, { isPointwise }]) => isPointwise);
  const attributes: Record<string, Record<string, number>> = {
    pow: { exponent: 3 },
    leakyRelu: { negativeSlope: 0.3 },
    elu: { alpha: 0.8 },
  };

  it("are of ops that there are", () => {
    for (const name of Object.keys(formulas)) expect(functions[name]?.op?.name, name).toBe(name);
  });

  it.each(rows)("%s: the formula and its gradients are what the op computes", async (name, formula) => {
    const arity = formula.backward.length;
    const attrs = attributes[name] ?? {};
    for (const sign of name === "where" ? [1, 0] : [1, -1]) {
      // Positive only where the op's domain is.
      const isPositive = /^(?:log|log1p|sqrt|rsqrt)$/.test(name);
      const numbers = [0.7, 1.3, 0.4].slice(0, arity).map((v) => (sign < 0 && !isPositive ? -v : v));
      if (name === "where") numbers[0] = sign;
      const inputs = numbers.map((value, k) =>
        name === "where" && k === 0 ? tensor(value, { dtype: "bool" }) : tensor(value),
      );
      const tape = new Tape({ retain: true }).watch(...inputs.filter(({ dtype }) => dtype === "f32"));
      const y = tape.record(() =>
        functions[name]!(...inputs, ...(Object.values(attrs) as unknown as Tensor[])),
      );
      const seed = tensor(0.9);
      const values = Object.fromEntries([..."abc"].slice(0, arity).map((letter, k) => [letter, numbers[k]]));
      const forward = Number(evaluate(formula.forward, { ...values, ...attrs }));
      const got = (await y.dataFloat64())[0];
      // Attributes and numbers are held in f32.
      expect(
        Math.abs(got - forward),
        `${name}(${numbers}) = ${got}, the formula says ${forward}`,
      ).toBeLessThan(1e-6);
      for (const [k, template] of formula.backward.entries()) {
        if (template === null) continue;
        const [gradient] = tape.gradient(y, [inputs[k]], { seed });
        const wanted = evaluate(template, { ...values, ...attrs, y: got, g: 0.9 });
        const found = (await gradient.dataFloat64())[0];
        expect(
          Math.abs(found - wanted),
          `${name}, input ${k}: ${found}, the formula says ${wanted}`,
        ).toBeLessThan(1e-6);
      }
      tape.dispose();
    }
  });

  it("of an unknown op, and of a transposed product, is the general rule", () => {
    expect(formulaOf("noSuchOp", 2)).toEqual({
      forward: "noSuchOp({a}, {b})",
      backward: ["{g} × ∂{y}/∂{a}", "{g} × ∂{y}/∂{b}"],
      isPointwise: false,
    });
    expect(formulaOf("matmul", 2, true).forward).toBe("matmul({a}, {b})");
    expect(formulaOf("toString", 1).forward).toBe("toString({a})");
  });
});

describe("notation", () => {
  it("writes digits at the end as subscripts, and nothing else", () => {
    const cases = {
      w1: "w₁",
      z34: "z₃₄",
      matmul_0: "matmul₀",
      h: "h",
      "batchNorm_3.0": "batchNorm_3.0",
      "0.5": "0.5",
    };
    for (const [name, wanted] of Object.entries(cases)) expect(subscript(name)).toBe(wanted);
  });

  it("names elements by their own names, else by index without axes of length 1", () => {
    const notation = new Notation({ loss: "E", elements: { W: ["w1", "w2"] } });
    expect(notation.element("W", [1, 2], 1)).toBe("w₂");
    expect(notation.element("h", [1, 3], 2)).toBe("h[2]");
    expect(notation.element("M", [2, 3], 4)).toBe("M[1,1]");
    expect(notation.element("s", [], 0)).toBe("s");
    expect(notation.element("toString", [2], 0)).toBe("toString[0]");
    expect(notation.gradient("w₂")).toBe("∂E/∂w₂");
    expect(new Notation({ loss: "mean_9", elements: {} }).gradient("w")).toBe("∂L/∂w");
  });

  it("shows numbers with a true minus sign, short, whatever they are", () => {
    const shown = [-0.25, 0, -0, 1e-7, -123456789, Number.NaN, Number.NEGATIVE_INFINITY].map((v) =>
      showNumber(v),
    );
    expect(shown).toEqual(["−0.25", "0", "−0", "1.000e−7", "−1.235e+8", "NaN", "−Infinity"]);
  });
});

describe("layoutGraph", () => {
  const size = { width: 100, height: 40, gapX: 10, gapY: 20 };

  it("puts arrows downwards and boxes apart, in any graph", () => {
    let state = 7;
    const random = (n: number) => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return state % n;
    };
    for (let round = 0; round < 20; round++) {
      const nodes: LayoutNode[] = Array.from({ length: 4 }, (_, i) => ({
        id: `l${i}`,
        from: [],
        isLeaf: true,
      }));
      for (let i = 0; i < 25; i++) {
        const from = Array.from({ length: 1 + random(3) }, () => nodes[random(nodes.length)].id);
        nodes.push({ id: `n${i}`, from, isLeaf: false });
      }
      const { positions, edges, width, height } = layoutGraph(nodes, size);
      const at = [...positions.values()];
      for (const [i, a] of at.entries()) {
        expect(a.x).toBeGreaterThanOrEqual(0);
        expect(a.x + size.width).toBeLessThanOrEqual(width + 1e-6);
        expect(a.y + size.height).toBeLessThanOrEqual(height);
        for (const b of at.slice(i + 1)) {
          const isApart = a.y !== b.y || Math.abs(a.x - b.x) >= size.width + size.gapX - 1e-6;
          expect(isApart).toBe(true);
        }
      }
      for (const { from, to, points } of edges) {
        expect(positions.get(from)!.y).toBeLessThan(positions.get(to)!.y);
        expect(points[0].y).toBe(positions.get(from)!.y + size.height);
        expect(points.at(-1)!.y).toBe(positions.get(to)!.y);
      }
    }
  });

  it("keeps a chain of ops straight, whatever comes in from the side", () => {
    const nodes: LayoutNode[] = [{ id: "x", from: [], isLeaf: true }];
    for (let i = 0; i < 6; i++) {
      nodes.push({ id: `w${i}`, from: [], isLeaf: true });
      nodes.push({ id: `n${i}`, from: [i === 0 ? "x" : `n${i - 1}`, `w${i}`], isLeaf: false });
    }
    const { positions } = layoutGraph(nodes, size);
    const xs = new Set(Array.from({ length: 6 }, (_, i) => positions.get(`n${i}`)!.x));
    expect(xs.size).toBe(1);
  });

  it("of nothing is empty", () => {
    expect(layoutGraph([], size)).toMatchObject({ width: 0, height: 0, edges: [] });
  });
});

describe("stepperPage", () => {
  it("goes forward, back and through the update, with names and numbers", async () => {
    const { tape, E } = lesson();
    const page = stepperPage(await recordSteps(tape, E), {
      title: "A <lesson>",
      elements,
      updates: [
        { name: "W2", after: [0.43703857, 0.69629578, 0.38685205, 0.59624247], formula: "{w} − 0.5 · {g}" },
      ],
      result: { text: "The error fell.", values: { E: 0.02323634 } },
    });
    const phases = [...page.matchAll(/<article data-phase="(\w+)"/g)].map(([, phase]) => phase);
    const times = (phase: string) => phases.filter((one) => one === phase).length;
    expect(["start", "forward", "backward", "update", "result"].map(times)).toEqual([1, 8, 9, 1, 1]);
    const said = text(page);
    expect(said).toContain("A <lesson>");
    expect(said).toContain("∂E/∂W₂ = hᵀ × ∂E/∂matmul₂");
    expect(said).toContain("∂E/∂w₅ = ∂E/∂matmul₂[0] · h₁ = 0.0498527 · 0.519989 = 0.0259229");
    expect(said).toContain("new w₅ = w₅ − 0.5 · ∂E/∂w₅ = 0.45 − 0.5 · 0.0259229 = 0.437039");
    expect(said).toContain("h₁ = 1 / (1 + exp(−matmul₀[0])) = 1 / (1 + exp(−0.08)) = 0.519989");
    expect(said).toMatch(/E = mul₆\[0\] \+ mul₆\[1\] = 0\.0219338 \+ 0\.00203808 = 0\.0239719/);
    expect(said).toContain("No gradient for t");
    expect(said).toContain("0.0232363");
  });

  it("loads nothing and escapes what it is given", async () => {
    const x = tensor([1, 2]);
    const name = `</script><b onclick="x">&'`;
    const tape = new Tape({ retain: true }).watch({ [name]: x });
    const loss = tape.record(() => sum(square(x)));
    const page = stepperPage(await recordSteps(tape, loss), {
      title: name,
      intro: name,
      elements: { [name]: [name] },
    });
    expect(page).not.toContain("</script><b");
    expect(page).not.toMatch(/\b(?:src|href)="(?!data:)/);
    expect(page).not.toMatch(/https?:\/\/|@import|url\((?!#)/);
    expect(page.match(/<\/script>/g)).toHaveLength(1);
  });

  it("shows any tape: layers, broadcasts, ops without a formula, values too large to write down", async () => {
    const model = new Sequential([
      new Input([30]),
      new Dense(40, { activation: (x) => ops.gelu(x), name: "wide" }),
      new Dense(3, { activation: "softmax", name: "out" }),
    ]);
    const tape = new Tape({ retain: true });
    const x = tensor(new Float32Array(60).fill(0.5), [2, 30]);
    const loss = tape.record(() => sum(square(model.call(x))));
    const said = text(stepperPage(await recordSteps(tape, loss)));
    expect(said).toContain("layer wide");
    expect(said).toContain("gelu(add₁)");
    expect(said).toContain("∂L/∂add₁ = ∂L/∂gelu₂ × ∂gelu₂/∂add₁");
    expect(said).toContain("summed over the axes along which wide/bias was broadcast");
    expect(said).toMatch(/\+ … \(30 terms\)/);
    expect(said).toContain("and so on for 74 more");
    model.dispose();
  });

  it("works for a loss that is one op of a scalar, and for NaN", async () => {
    const x = tensor(Number.NaN);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => keep(square(x)));
    expect(text(stepperPage(await recordSteps(tape, loss)))).toContain("square₀ = x² = NaN² = NaN");
  });

  it("refuses updates of what has no gradient or another size", async () => {
    const { tape, E } = lesson();
    const recording = await recordSteps(tape, E);
    const update = (name: string, after: number[]) =>
      stepperPage(recording, { updates: [{ name, after, formula: "{w}" }] });
    expect(() => update("t", [1, 2])).toThrow(/"t", which has no gradient.*values with one are .*W2/);
    expect(() => update("W2", [1])).toThrow(/gives 1 values; it has 4/);
  });
});
