// What ops do where libraries differ, where others are silent, and at the edges: as their docs say, for the reference and
// for every adapter alike, op by op and under jit.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  arange,
  argMax,
  argMin,
  argSort,
  backward,
  cast,
  ceil,
  cumprod,
  cumsum,
  type Device,
  DTypeError,
  debug,
  div,
  embedding,
  equal,
  floor,
  gather,
  grad,
  greater,
  jit,
  leakyRelu,
  logSumExp,
  max,
  maximum,
  min,
  mul,
  NumericsError,
  neg,
  oneHot,
  print,
  record,
  remainder,
  reshape,
  round,
  ShapeError,
  scatterAdd,
  setDevice,
  sigmoidCrossEntropy,
  sign,
  softmaxCrossEntropy,
  sort,
  sparseSoftmaxCrossEntropy,
  step,
  sub,
  sum,
  type Tensor,
  TraceError,
  takeAlongAxis,
  tensor,
  topK,
  trunc,
  variable,
  zeroGrad,
  zeros,
} from "../../engine/index.ts";
import { losses } from "../../nn/index.ts";
import { ulpError } from "./ulp.ts";

const ids = (...values: number[]) => tensor(Int32Array.from(values));

export function conventionsCases(open: () => Promise<Device>): void {
  let device: Device;
  beforeAll(async () => {
    device = await open();
    setDevice(device);
  });

  /** Values of `fn(...inputs)`, which must be the same op by op and under jit. */
  async function both(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Promise<number[]> {
    const [eager, ...runs] = await eagerAndTraced(fn, inputs);
    for (const values of runs) expect(values).toEqual(eager);
    return eager;
  }

  /** Values op by op, and of two runs under jit. */
  async function eagerAndTraced(fn: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]): Promise<number[][]> {
    const found = [[...(await fn(...inputs).data())]];
    const traced = jit(fn);
    try {
      for (let run = 0; run < 2; run++) found.push([...(await traced(...inputs).data())]);
    } finally {
      traced.dispose();
    }
    return found;
  }

  describe("flat functions", () => {
    it.each([
      ["floor", floor],
      ["ceil", ceil],
      ["round", round],
      ["trunc", trunc],
      ["sign", sign],
      ["step", step],
    ] as const)("%s has the gradient 0 for backward, as for grad", async (_, flat) => {
      const w = variable([1.5, -2.25]);
      const v = variable([3]);
      expect(await grad((x: Tensor) => sum(flat(x)))(w)[0].array()).toEqual([0, 0]);
      backward(record(() => sum(flat(w))));
      expect(await w.grad?.array()).toEqual([0, 0]);
      zeroGrad(w);
      backward(record(() => add(sum(flat(mul(w, 2))), sum(mul(v, v)))));
      expect(await w.grad?.array()).toEqual([0, 0]);
      expect(await v.grad?.array()).toEqual([6]);
      zeroGrad(w, v);
      const traced = jit(() => {
        backward(record(() => add(sum(flat(w)), sum(mul(v, v)))));
        return [w.grad, v.grad];
      });
      for (const run of [1, 2]) {
        const [ofW, ofV] = traced() as Tensor[];
        expect(await ofW.array(), `run ${run}`).toEqual([0, 0]);
        expect(await ofV.array(), `run ${run}`).toEqual([6]);
      }
      traced.dispose();
      for (const variable of [w, v]) variable.dispose();
    });

    it("leave null what the loss does not depend on", () => {
      const [w, v] = [variable([1.5]), variable([2])];
      const loss = record(() => {
        neg(v);
        return sum(floor(w));
      });
      backward(loss);
      expect(w.grad).not.toBeNull();
      expect(v.grad).toBeNull();
      // An op without a gradient is no way to the loss.
      backward(record(() => add(sum(w), sum(cast(greater(v, 1), "f32")))));
      expect(v.grad).toBeNull();
      for (const variable of [w, v]) variable.dispose();
    });
  });

  describe("no elements", () => {
    it("have no largest one, and the logarithm of an empty sum", async () => {
      const empty = zeros([2, 0]);
      for (const extreme of [max, min])
        expect(() => extreme(empty, 1)).toThrow(/shape \[2, 0\] has no elements along axes \[1\]/);
      expect(await both((x) => logSumExp(x, 1), empty)).toEqual([-Infinity, -Infinity]);
      expect(await both((x) => logSumExp(x), empty)).toEqual([-Infinity]);
      expect(logSumExp(empty, 1, { keepDims: true }).shape).toEqual([2, 1]);
      expect((await grad((x: Tensor) => sum(logSumExp(x, 1)))(empty)[0].data()).length).toBe(0);
    });
  });

  describe("scalars", () => {
    it("are their own largest element, and have no axis to go along", async () => {
      const x = tensor(3);
      for (const place of [argMax, argMin]) expect(await both((a) => place(a), x)).toEqual([0]);
      expect(argMax(x, [], { keepDims: true }).shape).toEqual([]);
      expect(await both((a) => max(a), x)).toEqual([3]);
      for (const along of [
        () => sort(x),
        () => argSort(x),
        () => topK(x, 1),
        () => cumsum(x, 0),
        () => cumprod(x, -1),
        () => argMax(x, 0),
        () => max(x, 0),
      ]) {
        expect(along).toThrow(ArgumentError);
        expect(along).toThrow(
          /needs axis -?[01], and a scalar has no axes; give it one with reshape\(x, \[1\]\)/,
        );
      }
    });
  });

  describe("targets of another shape than the outputs", () => {
    const pairs: readonly (readonly [string, () => losses.Loss])[] = [
      ["meanSquaredError", losses.meanSquaredError],
      ["meanAbsoluteError", losses.meanAbsoluteError],
      ["huber", losses.huber],
      ["binaryCrossentropy", losses.binaryCrossentropy],
      ["binaryCrossentropy", () => losses.binaryCrossentropy({ fromLogits: true })],
      ["categoricalCrossentropy", losses.categoricalCrossentropy],
      ["categoricalCrossentropy", () => losses.categoricalCrossentropy({ fromLogits: true })],
    ];

    it.each(pairs)("are refused by %s, which names both shapes", (name, make) => {
      const outputs = tensor([[0.25], [0.75]]);
      for (const targets of [tensor([1, 0]), tensor([[1, 0]]), tensor(1)]) {
        const call = () => make().call(targets, outputs);
        expect(call).toThrow(ShapeError);
        expect(call).toThrow(`losses.${name}: targets [${targets.shape.join(", ")}] and outputs [2, 1]`);
        expect(() => make().call(outputs, targets)).toThrow(ShapeError);
        expect(() => jit((t, o) => make().call(t, o))(targets, outputs)).toThrow(ShapeError);
      }
      expect(() => make().call(Promise.resolve(outputs) as never, outputs)).toThrow("got a Promise");
    });

    it("are refused by cross-entropies of logits, but for one number", async () => {
      const logits = tensor([[0], [2]]);
      expect(() => sigmoidCrossEntropy(logits, tensor([0, 1]))).toThrow(
        "sigmoidCrossEntropy: logits [2, 1] and targets [2] must have the same shape",
      );
      expect(() => sigmoidCrossEntropy(tensor([0, 1]), logits)).toThrow(ShapeError);
      expect(() => softmaxCrossEntropy(logits, tensor([[1, 0]]))).toThrow(ShapeError);
      const found = await both((x) => sigmoidCrossEntropy(x, 1), logits);
      expect(found[0]).toBeCloseTo(Math.log(2), 6);
      expect(found[1]).toBeCloseTo(Math.log1p(Math.exp(-2)), 6);
    });
  });

  describe("leakyRelu", () => {
    it("has Keras 3's slope of 0.2 where none is given", async () => {
      expect(await both((x) => leakyRelu(x), tensor([-5, 5]))).toEqual([-1, 5]);
    });
  });

  describe("integers", () => {
    it("divide to integers, rounded towards zero; floats do not", async () => {
      expect(await both((a, b) => div(a, b), ids(3, -3, 7, 5), ids(2, 2, -2, 0))).toEqual([1, -1, -3, 5]);
      expect(await both((a) => div(cast(a, "f32"), 2), ids(3, -3))).toEqual([1.5, -1.5]);
    });
  });

  describe("bytes", () => {
    const bytes = () => tensor(Uint8Array.of(0, 51, 255, 7));

    it("beside numbers and floats count as f32", async () => {
      const want: readonly (readonly [(x: Tensor) => Tensor, number[]])[] = [
        [(x) => div(x, 255), [0, 51 / 255, 1, 7 / 255]],
        [(x) => sub(x, 127.5), [-127.5, -76.5, 127.5, -120.5]],
        [(x) => sub(255, x), [255, 204, 0, 248]],
        [(x) => add(x, -300), [-300, -249, -45, -293]],
        [(x) => mul(x, 0.5), [0, 25.5, 127.5, 3.5]],
        [(x) => maximum(x, 52.5), [52.5, 52.5, 255, 52.5]],
        [(x) => remainder(x, 2), [0, 1, 1, 1]],
        [(x) => mul(x, tensor([1, 2, 3, 0.5])), [0, 102, 765, 3.5]],
        [(x) => greater(x, 50.5), [0, 1, 1, 0]],
        [(x) => equal(x, 7), [0, 0, 0, 1]],
      ];
      for (const [fn, values] of want) {
        const made = fn(bytes());
        expect(made.dtype).toBe(fn === want.at(-1)?.[0] || fn === want.at(-2)?.[0] ? "bool" : "f32");
        if (fn === want[0][0]) continue;
        (await both(fn, bytes())).forEach((value, i) => {
          expect(value).toBeCloseTo(values[i], 5);
        });
      }
    });

    it("are divided by a number as exactly as WGSL divides, op by op and under jit", async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      for (const divisor of [255, 3, 10, 127.5]) {
        const found = await eagerAndTraced((x) => div(x, divisor), [tensor(all)]);
        found.forEach((values, run) => {
          // WGSL allows 2.5 units in the last place of the quotient. The drivers tested here give the nearest f32 for a
          // divisor in a buffer, as it is op by op; where the shader's text has it, SwiftShader multiplies by its
          // reciprocal, which is rounded twice.
          const allowed = !device.info.isSoftware ? 2.5 : run === 0 ? 0.5 : 1.5;
          values.forEach((value, i) => {
            const error = ulpError(value, i / Math.fround(divisor));
            expect(error, `${i} / ${divisor}`).toBeLessThanOrEqual(allowed);
          });
        });
        // Nothing that a run could change.
        expect(found[2]).toEqual(found[1]);
      }
    });

    it("beside bytes and other integers are refused: what would 200 + 100 be?", () => {
      for (const other of [bytes(), ids(1, 2, 3, 4)]) {
        expect(() => add(bytes(), other)).toThrow(DTypeError);
        expect(() => add(other, bytes())).toThrow('add: takes f32, i32, u32, got u8; use cast(x, "f32")');
      }
      expect(bytes().dtype).toBe("u8");
    });

    it("leave nothing behind", () => {
      const x = bytes();
      // Numbers are kept by the device.
      div(x, 255).dispose();
      const before = device.memory().tensors;
      div(x, 255).dispose();
      expect(device.memory().tensors).toBe(before);
    });
  });

  describe("places out of range", () => {
    const table = () =>
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
    const wrong = () => ids(0, 5, -1);

    it("give zeros, as the docs say", async () => {
      expect(await both((i) => oneHot(i, 3), wrong())).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0]);
      expect(await both((t, i) => gather(t, i), table(), wrong())).toEqual([1, 2, 0, 0, 0, 0]);
      expect(await both((t, i) => embedding(t, i), table(), wrong())).toEqual([1, 2, 0, 0, 0, 0]);
      expect(await both((t, i) => scatterAdd(t, i, 2), table(), wrong())).toEqual([1, 2, 0, 0]);
      const [first] = await both((l, i) => sparseSoftmaxCrossEntropy(l, i), table(), wrong());
      expect(await both((l, i) => sparseSoftmaxCrossEntropy(l, i), table(), wrong())).toEqual([first, 0, 0]);
    });

    it("are named under debug({ numerics: true })", async () => {
      const calls: readonly (readonly [string, () => Tensor, string])[] = [
        [
          "oneHot",
          () => oneHot(wrong(), 3),
          "given 5 at position 1 of its input 1, which is out of range: it must be from 0 to 2",
        ],
        ["gather", () => gather(table(), wrong()), "given 5 at position 1 of its input 2"],
        ["gather", () => embedding(table(), ids(1, -7)), "given -7 at position 1 of its input 2"],
        ["scatterAdd", () => scatterAdd(table(), wrong(), 2), "from 0 to 1, and now is left out"],
        [
          "takeAlongAxis",
          () => takeAlongAxis(table(), tensor(Int32Array.of(0, 2, 1), [3, 1]), 1),
          "given 2 at position 1",
        ],
        [
          "sparseSoftmaxCrossEntropy",
          () => sparseSoftmaxCrossEntropy(table(), wrong()),
          "gives a loss of 0 and no gradient",
        ],
      ];
      for (const [name, call, told] of calls) {
        const debugging = debug({ numerics: true });
        try {
          const error = await call()
            .data()
            .catch((thrown: unknown) => thrown);
          expect(error, name).toBeInstanceOf(NumericsError);
          expect((error as Error).message).toContain(`${name} (`);
          expect((error as Error).message).toContain(told);
          expect((error as Error).message).toContain("conventions-cases.ts");
          // What is in range is no error, nor is what came before.
          expect([...(await gather(table(), ids(2)).data())]).toEqual([5, 6]);
        } finally {
          debugging.dispose();
        }
      }
    });
  });

  describe("what a jitted function returns", () => {
    it("may be null or undefined in places", async () => {
      const f = jit((x) => ({ y: neg(x), mask: null, rest: [undefined, null] as const }));
      for (const run of [1, 2]) {
        const { y, mask, rest } = f(tensor([run]));
        expect(await y.array()).toEqual([-run]);
        expect(mask).toBeNull();
        expect(rest).toEqual([undefined, null]);
      }
      expect(jit(() => null)()).toBeNull();
      f.dispose();
    });

    it("is refused where it is anything else, on every device", () => {
      const refused: readonly (readonly [unknown, string])[] = [
        [3, "the number 3"],
        ["text", 'the string "text"'],
        [new Map(), "a Map"],
        [[() => 1], "a function"],
      ];
      for (const [value, told] of refused) {
        const call = () => jit((() => value) as () => Tensor)();
        expect(call).toThrow(ArgumentError);
        expect(call).toThrow(`must return tensors, or arrays and plain objects of them, got ${told}`);
      }
      expect(() => jit((async () => arange(2)) as unknown as () => Tensor)()).toThrow(TraceError);
      expect(() => jit((x: unknown) => x as Tensor)(new Map())).toThrow("argument 1 of");
    });
  });

  describe("print", () => {
    it("shows dtype, shape, device and values, of many the outermost ones", async () => {
      const lines: unknown[] = [];
      const { log } = console;
      console.log = (line: unknown) => lines.push(line);
      try {
        await print(
          tensor([
            [1.5, -2],
            [1e-9, 0.1],
          ]),
          variable([1, 2], { name: "w" }),
          greater(tensor([1, 3]), 2),
        );
        await print(arange(300));
        await print(arange(2000), reshape(arange(1200), [30, 40]));
      } finally {
        console.log = log;
      }
      const { name } = device;
      expect(lines.slice(0, 3)).toEqual([
        `Tensor(f32 [2, 2] on ${name})\n[[ 1.5,   -2],\n [1e-9,  0.1]]`,
        `Variable "w" (f32 [2] on ${name}) [1, 2]`,
        `Tensor(bool [2] on ${name}) [false, true]`,
      ]);
      expect(lines[3]).toContain("298, 299]");
      expect(lines[4]).toBe(`Tensor(i32 [2000] on ${name}) [0, 1, 2, ..., 1997, 1998, 1999]`);
      const [head, first, ...rest] = String(lines[5]).split("\n");
      expect(head).toBe(`Tensor(i32 [30, 40] on ${name})`);
      expect(first).toBe("[[   0,    1,    2, ...,   37,   38,   39],");
      expect(rest).toContain(" ...,");
      expect(rest.at(-1)).toBe(" [1160, 1161, 1162, ..., 1197, 1198, 1199]]");
      await expect(print([1] as never)).rejects.toThrow("print: argument 1 must be a Tensor, got an array");
    });
  });
}
