// Chains of operations on data sets give what plain arrays give, epoch by epoch and from each element on.

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Dataset } from "../../data/index.ts";

/** A set, and its elements of an epoch as plain arrays make them. */
interface Pair {
  readonly text: string;
  readonly set: Dataset<unknown>;
  readonly elementsOf: (epoch: number) => Promise<unknown[]>;
}

type Step = (pair: Pair) => Pair;

/** Numbers in whatever arrays they are. */
const plain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if ("values" in value && "shape" in value) {
    const { values, shape } = value as { values: ArrayLike<number>; shape: number[] };
    const nest = (flat: number[], [, ...rest]: number[]): unknown =>
      rest.length === 0
        ? flat
        : Array.from({ length: shape[0] }, (_, i) => flat.slice(i * rest[0], (i + 1) * rest[0]));
    return nest(Array.from(values), shape);
  }
  return Array.isArray(value) ? value.map(plain) : value;
};

const firstNumber = (value: unknown): number =>
  typeof value === "number" ? value : firstNumber(Object.values(plain(value) as object)[0] ?? 0);

const step =
  (
    text: string,
    change: (set: Dataset<unknown>) => Dataset<unknown>,
    model: (elements: unknown[], epoch: number) => unknown[] | Promise<unknown[]>,
  ): Step =>
  (pair) => ({
    text: `${pair.text}.${text}`,
    set: change(pair.set),
    elementsOf: async (epoch) => model(await pair.elementsOf(epoch), epoch),
  });

const shuffled = (size: number | undefined, seed: number) =>
  step(
    `shuffle(${size}, ${seed})`,
    (set) => (size === undefined ? set.shuffle({ seed }) : set.shuffle(size, { seed })),
    async (elements, epoch) => {
      // By the order of whole numbers, which is drawn without the elements; a buffer that holds all of a set whose
      // length is not known is drawn from as one.
      const numbers = Dataset.range(elements.length);
      const isKnown = size !== undefined && size < elements.length;
      const order = await (isKnown ? numbers.shuffle(size, { seed }) : numbers.shuffle({ seed })).toArray({
        epoch,
      });
      return order.map((i) => elements[i]);
    },
  );

const repeated =
  (count: number): Step =>
  (pair) => ({
    text: `${pair.text}.repeat(${count})`,
    set: pair.set.repeat(count),
    elementsOf: async (epoch) => {
      const all: unknown[] = [];
      for (let i = 0; i < count; i++) all.push(...(await pair.elementsOf(epoch * count + i)));
      return all;
    },
  });

const cached: Step = (pair) => ({
  text: `${pair.text}.cache()`,
  set: pair.set.cache(),
  elementsOf: () => pair.elementsOf(0),
});

const map = (text: string, isAsync: boolean) =>
  step(
    text,
    (set) => {
      const fn = (x: unknown) => firstNumber(x) * 2 + 1;
      return isAsync ? set.map(async (x) => fn(x)) : set.map(fn);
    },
    (elements) => elements.map((x) => firstNumber(x) * 2 + 1),
  );

const steps = fc.oneof(
  fc.constantFrom(map("map", false), map("mapLater", true)),
  fc.boolean().map((isAsync) =>
    step(
      `filter(${isAsync ? "later" : ""})`,
      (set) => {
        const fn = (x: unknown) => firstNumber(x) % 3 !== 1;
        return isAsync ? set.filter(async (x) => fn(x)) : set.filter(fn);
      },
      (elements) => elements.filter((x) => firstNumber(x) % 3 !== 1),
    ),
  ),
  fc.nat(12).map((n) =>
    step(
      `take(${n})`,
      (set) => set.take(n),
      (elements) => elements.slice(0, n),
    ),
  ),
  fc.nat(5).map((n) =>
    step(
      `skip(${n})`,
      (set) => set.skip(n),
      (elements) => elements.slice(n),
    ),
  ),
  fc.integer({ min: 1, max: 3 }).map(repeated),
  fc.constant(cached),
  fc.integer({ min: 1, max: 4 }).map((n) =>
    step(
      `prefetch(${n})`,
      (set) => set.prefetch(n),
      (elements) => elements,
    ),
  ),
  fc.nat(3).map((n) =>
    step(
      `enumerate(${n})`,
      (set) => set.map(firstNumber).enumerate(n),
      (elements) => elements.map((x, i) => [n + i, firstNumber(x)]),
    ),
  ),
  fc.record({ size: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }), seed: fc.nat(9) }).map(
    ({ size, seed }): Step =>
      (pair) =>
        // What a buffer larger than a set of unknown length does is another order, tested beside.
        shuffled(pair.set.cardinality === undefined ? undefined : size, seed)(pair),
  ),
  fc
    .record({ size: fc.integer({ min: 1, max: 4 }), dropRemainder: fc.boolean() })
    .map(({ size, dropRemainder }) =>
      step(
        `batch(${size}, ${dropRemainder})`,
        (set) => set.map(firstNumber).batch(size, { dropRemainder }),
        (elements) => {
          const batches: unknown[] = [];
          for (let i = 0; i < elements.length; i += size) {
            const batch = elements.slice(i, i + size).map(firstNumber);
            if (!dropRemainder || batch.length === size) batches.push(batch);
          }
          return batches;
        },
      ),
    ),
  fc.constant(
    step(
      "zip",
      (set) => Dataset.zip([Dataset.range(7), set]),
      (elements) => elements.slice(0, 7).map((x, i) => [i, x]),
    ),
  ),
);

const sources = fc.record({ count: fc.nat(14), kind: fc.nat(4) }).map(({ count, kind }): Pair => {
  const numbers = Array.from({ length: count }, (_, i) => (i * 7) % 11);
  const kinds: (() => [string, Dataset<unknown>])[] = [
    () => ["slices", Dataset.fromTensorSlices(Int32Array.from(numbers))],
    () => [
      "rows",
      Dataset.fromTensorSlices({ x: { values: Float32Array.from(numbers), shape: [count, 1] } }),
    ],
    () => ["generator", Dataset.fromGenerator(() => numbers)],
    () => [
      "asyncGenerator",
      Dataset.fromGenerator(
        async function* () {
          yield* numbers;
        },
        { length: count },
      ),
    ],
    () => [
      "seekable",
      Dataset.fromGenerator(({ skip }) => numbers.slice(skip), { length: count, seekable: true }),
    ],
  ];
  const [text, set] = kinds[kind]();
  return {
    text: `${text}(${count})`,
    set,
    elementsOf: async () => numbers.map((number) => (kind === 1 ? { x: [number] } : number)),
  };
});

const chains = fc
  .record({ source: sources, steps: fc.array(steps, { maxLength: 5 }) })
  .map(({ source, steps }) => steps.reduce((pair, next) => next(pair), source));

const show = (elements: readonly unknown[]) => JSON.stringify(elements.map((x) => plainDeep(x)));
const plainDeep = (x: unknown): unknown => {
  const value = plain(x);
  if (Array.isArray(value)) return value.map(plainDeep);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plainDeep(part)]));
};

describe("a chain of operations", () => {
  beforeAll(() => void vi.spyOn(console, "warn").mockImplementation(() => {}));
  afterAll(() => void vi.restoreAllMocks());

  it("gives what plain arrays give, in each epoch", async () => {
    await fc.assert(
      fc.asyncProperty(chains, fc.nat(3), async ({ text, set, elementsOf }, epoch) => {
        expect(`${text} ${show(await set.toArray({ epoch }))}`).toBe(
          `${text} ${show(await elementsOf(epoch))}`,
        );
        const { cardinality } = set;
        if (cardinality !== undefined) expect(cardinality).toBe((await elementsOf(epoch)).length);
      }),
      { numRuns: 400 },
    );
  });

  it("opened at each element gives the rest, with what its checksum says", async () => {
    await fc.assert(
      fc.asyncProperty(chains, fc.nat(2), async ({ text, set, elementsOf }, epoch) => {
        const all = await elementsOf(epoch);
        const through = await set.open({ epoch, withChecksum: true });
        for (let skip = 0; skip <= all.length; skip++) {
          const { position } = through;
          expect(position).toMatchObject({ epoch, skip });
          const opened = await set.open(position);
          expect(opened.rerun).toBeLessThanOrEqual(skip);
          const rest: unknown[] = [];
          for await (const element of opened) rest.push(element);
          expect(`${text} from ${skip} ${show(rest)}`).toBe(`${text} from ${skip} ${show(all.slice(skip))}`);
          await through.next();
        }
      }),
      { numRuns: 250 },
    );
  });
});
