// Movement ops against plain JavaScript: random calls of each, and what they must give, by where each element of the
// result comes from. Used on the reference and on adapters.

import fc from "fast-check";
import { sizeOf, stridesOf } from "../../engine/base/shape.ts";
import * as g from "../../engine/index.ts";

/** A dense row-major array. */
export interface Model {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** One call of an op. */
export interface Case {
  readonly shape: readonly number[];
  readonly what: string;
  call(x: g.Tensor): g.Tensor;
  model(x: Model): Model;
}

/** A result of a shape, each element by its position: a position in `x`, or a number. */
export function build(
  x: Model,
  shape: readonly number[],
  from: (position: readonly number[]) => readonly number[] | number,
): Model {
  const strides = stridesOf(shape);
  const own = stridesOf(x.shape);
  const data = Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const source = from(shape.map((length, axis) => Math.floor(flat / strides[axis]) % length));
    if (typeof source === "number") return source;
    return x.data[source.reduce((sum, k, axis) => sum + k * own[axis], 0)];
  });
  return { shape, data };
}

const shapes = (rank: readonly [number, number]) =>
  fc.array(fc.integer({ min: 1, max: 6 }), { minLength: rank[0], maxLength: rank[1] });
/** Any axis of a shape, counted from the front or the back. */
const axisOf = (shape: readonly number[]) => fc.integer({ min: -shape.length, max: shape.length - 1 });
const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);
const mod = (a: number, n: number) => ((a % n) + n) % n;
const show = (name: string, ...rest: unknown[]) => `${name} ${JSON.stringify(rest)}`;

const withAxis = (rank: readonly [number, number] = [1, 4]) =>
  shapes(rank).chain((shape) => fc.tuple(fc.constant(shape), axisOf(shape)));

export const movementCases: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  transpose: shapes([0, 5])
    .chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray(
          shape.map((_, k) => k),
          { minLength: shape.length },
        ),
      ),
    )
    .map(([shape, order]) => ({
      shape,
      what: show("transpose", shape, order),
      call: (x) => g.transpose(x, order),
      model: (x) =>
        build(
          x,
          order.map((axis) => shape[axis]),
          (position) => shape.map((_, axis) => position[order.indexOf(axis)]),
        ),
    })),
  slice: shapes([1, 4])
    .chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.tuple(
          ...shape.map((length) =>
            fc.tuple(
              fc.integer({ min: 0, max: length - 1 }),
              fc.integer({ min: 0, max: length }),
              fc.constantFrom(1, 1, 2, 3, -1, -2, -3),
              fc.boolean(),
            ),
          ),
        ),
      ),
    )
    .map(([shape, parts]) => {
      // The end goes where the step allows it; the front, backwards, is undefined.
      const ranges = parts.map(([start, end, step, fromEnd], axis) => {
        const last = step > 0 ? Math.max(end, start) : Math.min(end, start);
        const through = step < 0 && end === shape[axis];
        const count = Math.ceil(((through ? -1 : last) - start) / step);
        const sign = (value: number) => (fromEnd && value < shape[axis] ? value - shape[axis] : value);
        return { start, count, step, given: [sign(start), through ? undefined : sign(last)] as const };
      });
      const starts = ranges.map(({ given }) => given[0]);
      const ends = ranges.map(({ given }) => given[1]);
      const steps = ranges.map(({ step }) => step);
      return {
        shape,
        what: show("slice", shape, starts, ends, steps),
        call: (x: g.Tensor) => g.slice(x, starts, ends, { steps }),
        model: (x: Model) =>
          build(
            x,
            ranges.map(({ count }) => count),
            (position) => position.map((k, axis) => ranges[axis].start + k * ranges[axis].step),
          ),
      };
    }),
  flip: shapes([1, 4])
    .chain((shape) => fc.tuple(fc.constant(shape), fc.subarray(shape.map((_, k) => k - shape.length))))
    .map(([shape, axes]) => ({
      shape,
      what: show("flip", shape, axes),
      call: (x) => g.flip(x, axes),
      model: (x) =>
        build(x, shape, (position) =>
          position.map((k, axis) => (axes.includes(axis - shape.length) ? shape[axis] - 1 - k : k)),
        ),
    })),
  roll: fc.tuple(withAxis(), fc.integer({ min: -20, max: 20 })).map(([[shape, axis], shift]) => ({
    shape,
    what: show("roll", shape, axis, shift),
    call: (x) => g.roll(x, shift, axis),
    model: (x) =>
      build(x, shape, (position) =>
        position.map((k, a) => (a === positive(axis, shape.length) ? mod(k - shift, shape[a]) : k)),
      ),
  })),
  pad: shapes([1, 4])
    .chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.constantFrom(...(["constant", "edge", "reflect", "symmetric", "wrap"] as const)),
        fc.array(fc.nat(7), { minLength: 8, maxLength: 8 }),
      ),
    )
    .map(([shape, mode, counts]) => {
      const widths = shape.map((length, axis) => {
        const most = mode === "reflect" ? length - 1 : mode === "symmetric" ? length : 7;
        return [Math.min(counts[axis * 2], most), Math.min(counts[axis * 2 + 1], most)] as const;
      });
      const place = (p: number, n: number) => {
        if (mode === "edge") return Math.min(Math.max(p, 0), n - 1);
        if (mode === "wrap") return mod(p, n);
        if (mode === "symmetric") return p < 0 ? -1 - p : p >= n ? 2 * n - 1 - p : p;
        return p < 0 ? -p : p >= n ? 2 * (n - 1) - p : p;
      };
      return {
        shape,
        what: show("pad", shape, mode, widths),
        call: (x: g.Tensor) => g.pad(x, widths, { mode, value: 1 }),
        model: (x: Model) =>
          build(
            x,
            shape.map((length, axis) => length + widths[axis][0] + widths[axis][1]),
            (position) => {
              const at = position.map((k, axis) => k - widths[axis][0]);
              if (mode === "constant" && at.some((k, axis) => k < 0 || k >= shape[axis])) return 1;
              return at.map((k, axis) => place(k, shape[axis]));
            },
          ),
      };
    }),
  tile: shapes([0, 3])
    .chain((shape) =>
      fc.tuple(fc.constant(shape), fc.array(fc.nat(3), { minLength: 0, maxLength: shape.length + 1 })),
    )
    .map(([shape, counts]) => {
      const rank = Math.max(shape.length, counts.length);
      const lead = rank - shape.length;
      const times = Array.from({ length: rank }, (_, axis) => counts[axis - (rank - counts.length)] ?? 1);
      return {
        shape,
        what: show("tile", shape, counts),
        call: (x: g.Tensor) => g.tile(x, counts),
        model: (x: Model) =>
          build(
            x,
            times.map((count, axis) => count * (axis < lead ? 1 : shape[axis - lead])),
            (position) => shape.map((length, axis) => position[axis + lead] % length),
          ),
      };
    }),
  repeat: fc.tuple(withAxis(), fc.nat(4)).map(([[shape, axis], count]) => {
    const along = positive(axis, shape.length);
    return {
      shape,
      what: show("repeat", shape, axis, count),
      call: (x: g.Tensor) => g.repeat(x, count, axis),
      model: (x: Model) =>
        build(
          x,
          shape.map((length, a) => (a === along ? length * count : length)),
          (position) => position.map((k, a) => (a === along ? Math.floor(k / count) : k)),
        ),
    };
  }),
  "split and concat": withAxis().map(([shape, axis]) => {
    const along = positive(axis, shape.length);
    const first = Math.floor(shape[along] / 3);
    const sizes = [first, 0, shape[along] - first];
    return {
      shape,
      what: show("split", shape, axis, sizes),
      call: (x: g.Tensor) => {
        const [a, b, c] = g.split(x, sizes, axis);
        return g.concat([c, b, a], axis);
      },
      model: (x: Model) =>
        build(x, shape, (position) => position.map((k, a) => (a === along ? mod(k + first, shape[a]) : k))),
    };
  }),
  triangles: fc
    .tuple(shapes([2, 4]), fc.integer({ min: -7, max: 7 }), fc.boolean())
    .map(([shape, offset, isLower]) => ({
      shape,
      what: show(isLower ? "tril" : "triu", shape, offset),
      call: (x) => (isLower ? g.tril(x, offset) : g.triu(x, offset)),
      model: (x) =>
        build(x, shape, (position) => {
          const distance = position.at(-1)! - position.at(-2)!;
          return (isLower ? distance <= offset : distance >= offset) ? position : 0;
        }),
    })),
  "diag of matrices": shapes([2, 4])
    .chain((shape) => fc.tuple(fc.constant(shape), fc.integer({ min: -shape.at(-2)!, max: shape.at(-1)! })))
    .map(([shape, offset]) => {
      const [down, right] = [Math.max(-offset, 0), Math.max(offset, 0)];
      const length = Math.min(shape.at(-2)! - down, shape.at(-1)! - right);
      return {
        shape,
        what: show("diag", shape, offset),
        call: (x: g.Tensor) => g.diag(x, offset),
        model: (x: Model) =>
          build(x, [...shape.slice(0, -2), length], (position) => [
            ...position.slice(0, -1),
            position.at(-1)! + down,
            position.at(-1)! + right,
          ]),
      };
    }),
  "diag of vectors": fc.tuple(shapes([1, 1]), fc.integer({ min: -4, max: 4 })).map(([shape, offset]) => ({
    shape,
    what: show("diag", shape, offset),
    call: (x) => g.diag(x, offset),
    model: (x) => {
      const size = shape[0] + Math.abs(offset);
      return build(x, [size, size], ([i, j]) => (j - i === offset ? [Math.min(i, j)] : 0));
    },
  })),
  takeAlongAxis: fc
    .tuple(withAxis(), fc.integer({ min: 1, max: 5 }), fc.nat(1000))
    .map(([[shape, axis], count, seed]) => {
      const along = positive(axis, shape.length);
      const out = shape.map((length, a) => (a === along ? count : length));
      // From -1, out of range, up to the axis's length, out of range too.
      const indices = Int32Array.from(
        { length: sizeOf(out) },
        (_, i) => mod((i + 1) * 7919 + seed, shape[along] + 2) - 1,
      );
      const strides = stridesOf(out);
      return {
        shape,
        what: show("takeAlongAxis", shape, axis, [...indices]),
        call: (x: g.Tensor) => g.takeAlongAxis(x, g.tensor(indices, { shape: out, device: x.device }), axis),
        model: (x: Model) =>
          build(x, out, (position) => {
            const index = indices[position.reduce((sum, k, a) => sum + k * strides[a], 0)];
            if (index < 0 || index >= shape[along]) return 0;
            return position.map((k, a) => (a === along ? index : k));
          }),
      };
    }),
};
