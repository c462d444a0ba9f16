// lstmStep: one step of an LSTM as one kernel: the recurrent product, its gates and the new states.

import gradientSource from "../../../shaders/lstm-gradient.wgsl";
import { type Hooks, input, output, type Spec, shader } from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction, VjpContext } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { sigmoid as sigmoidOf } from "../elementwise/activations.ts";
import { add, mul, square, sub } from "../elementwise/arithmetic.ts";
import { notEqual } from "../elementwise/comparison.ts";
import { tanh } from "../elementwise/hyperbolic.ts";
import { where } from "../elementwise/logical.ts";
import { planMatmul, productVariants } from "../matmul/kernels.ts";
import { matmul } from "../matmul/matmul.ts";
import { elementSite } from "../pointwise/prologues.ts";
import {
  type Beside,
  gateFunctions,
  gatesOf,
  stepProduct,
  together,
  unitCall,
  weighted,
  withGates,
} from "./gated-product.ts";

interface StepAttrs {
  readonly hasMask: boolean;
}

const productOf = (inputs: readonly Spec[], { hasMask }: StepAttrs) =>
  stepProduct("lstmStep", inputs, [inputs[3]], hasMask ? inputs[4] : undefined);

const storeGates = (hasMask: boolean): string => `let z = value + zx[e];
    z_out[e] = z;
    let gates = sigmoid_4(z);
    let before = cell_before[e];
    let cell = gates.y * before + gates.x * tanh_4(vec4f(z.z)).x;
    let hidden = gates.w * tanh_4(vec4f(cell)).x;${
      hasMask
        ? `
    let is_kept = mask[row] != 0.0;
    hidden_after[e] = select(hidden_before[e], hidden, is_kept);
    cell_after[e] = select(before, cell, is_kept);`
        : `
    hidden_after[e] = hidden;
    cell_after[e] = cell;`
    }`;

const bound = (hasMask: boolean): Beside[] => {
  const read = "array<f32>";
  return [
    { name: "zx", operand: input(2), type: "array<vec4f>" },
    { name: "cell_before", operand: input(3), type: read },
    { name: "hidden_after", operand: output(1), type: read },
    { name: "cell_after", operand: output(2), type: read },
    ...(hasMask
      ? [
          { name: "mask", operand: input(4), type: read },
          { name: "hidden_before", operand: input(0), type: read },
        ]
      : []),
  ];
};

/**
 * One step of an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000): with z = h U + zx and
 * a unit's gates i, f, g, o in four neighbouring columns, c' = σ(f) c + σ(i) tanh(g) and h' = σ(o) tanh(c').
 *
 * @param h [batch, units], the state
 * @param u [units, 4 units], the recurrent kernel
 * @param zx [batch, 4 units]: what the inputs and the bias give
 * @param c [batch, units], the cells' state
 * @param mask [batch, 1]: rows where it is 0 keep their states
 * @returns z [batch, 4 units], which the gradient reads, h' and c'
 */
export const lstmStep: OpFunction<[h: Tensor, u: Tensor, zx: Tensor, c: Tensor, mask?: Tensor], Tensor[]> =
  defineMultiOp({
    name: "lstmStep",
    saves: { inputs: [0, 1, 3, 4], outputs: [0] },
    call: (h: Tensor, u: Tensor, zx: Tensor, c: Tensor, mask?: Tensor) => ({
      inputs: mask === undefined ? [h, u, zx, c] : [h, u, zx, c, mask],
      attrs: { hasMask: mask !== undefined },
    }),
    infer: (inputs, attrs: StepAttrs) => {
      productOf(inputs, attrs);
      const [{ shape: state }, , { shape: gates }] = inputs;
      return [gates, state, state].map((shape) => ({ shape, dtype: "f32" as const }));
    },
    kernels: ({ inputs, attrs, profile }) =>
      withGates(
        planMatmul(productOf(inputs, attrs), profile),
        storeGates(attrs.hasMask),
        bound(attrs.hasMask),
      ),
    variants: ({ inputs, attrs, profile }) => productVariants(productOf(inputs, attrs), profile),
    reference: ([h, u, zx, c, mask], _, [z, hidden, cell]) => {
      const units = h.shape[1];
      productInto(z, h, u, zx);
      for (let e = 0; e < h.data.length; e++) {
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => z.data[4 * e + k]);
        const isKept = mask === undefined || mask.data[Math.floor(e / units)] !== 0;
        const next = sigmoid(f) * c.data[e] + sigmoid(i) * Math.tanh(g);
        cell.data[e] = isKept ? next : c.data[e];
        hidden.data[e] = isKept ? sigmoid(o) * Math.tanh(next) : h.data[e];
      }
    },
    vjp: (context) => {
      const [h, u, c] = [context.input(0), context.input(1), context.input(3)];
      const mask = context.attrs.hasMask ? [context.input(4)] : [];
      const [ownZ, dCell, dKept] = lstmGates(context.output(0), c, context.grad(1), context.grad(2), ...mask);
      const dz = context.hasGrad(0) ? add(ownZ, context.grad(0)) : ownZ;
      return [
        needed(context, 0, () => {
          const back = matmul(dz, u, { transposeB: true });
          return dKept === undefined ? back : add(back, dKept);
        }),
        needed(context, 1, () => matmul(h, dz, { transposeA: true })),
        dz,
        dCell,
        ...mask.map(() => null),
      ];
    },
    samples: [
      { inputs: [{ shape: [3, 5] }, { shape: [5, 20] }, { shape: [3, 20] }, { shape: [3, 5] }] },
      { inputs: [{ shape: [1, 1] }, { shape: [1, 4] }, { shape: [1, 4] }, { shape: [1, 1] }] },
      {
        inputs: [
          { shape: [4, 8] },
          { shape: [8, 32] },
          { shape: [4, 32] },
          { shape: [4, 8] },
          { shape: [4, 1], values: [1, 0, 1, 0] },
        ],
        attrs: { hasMask: true },
        differentiable: [0, 1, 2, 3],
      },
    ].map((sample) => ({ attrs: { hasMask: false }, ...sample })),
  });

const needed = (context: Pick<VjpContext, "needs">, k: number, make: () => Tensor): Tensor | null =>
  context.needs(k) ? make() : null;

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** h U + zx. */
export function productInto(
  z: ReferenceTensor,
  h: ReferenceTensor,
  u: ReferenceTensor,
  zx: ReferenceTensor,
): void {
  const [rows, units] = h.shape;
  const width = 4 * units;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      let total = zx.data[row * width + column];
      for (let k = 0; k < units; k++) total += h.data[row * units + k] * u.data[k * width + column];
      z.data[row * width + column] = total;
    }
  }
}

const gradientShader = shader("lstm-gradient", gradientSource);

/** The gradients of z and c, and where there is a mask what h gets besides the product's. */
const lstmGates = defineMultiOp({
  name: "lstmGates",
  saves: { inputs: [0, 1, 2, 3, 4] },
  call: (z: Tensor, c: Tensor, dHidden: Tensor, dCell: Tensor, mask?: Tensor) => ({
    inputs: mask === undefined ? [z, c, dHidden, dCell] : [z, c, dHidden, dCell, mask],
    attrs: {},
  }),
  infer: ([z, c, , , mask]) =>
    (mask === undefined ? [z, c] : [z, c, c]).map(({ shape, dtype }) => ({ shape, dtype })),
  kernels: ({ inputs: [, c, , , mask], profile }) => {
    const hooks: Hooks =
      mask === undefined
        ? { functions: gateFunctions }
        : {
            functions: {
              ...gateFunctions,
              is_kept: "fn is_kept(row: u32) -> bool {\n  return mask[row] != 0.0;\n}",
              pass_on: "fn pass_on(e: u32, gradient: f32) {\n  d_hidden_before[e] = gradient;\n}",
            },
            bindings: [
              { name: "mask", binding: 7, access: "read", type: "array<f32>" } as const,
              { name: "d_hidden_before", binding: 8, access: "read_write", type: "array<f32>" } as const,
            ],
          };
    const operands = [
      ...[0, 1, 2, 3].map(input),
      output(0),
      output(1),
      ...(mask === undefined ? [] : [input(4), output(2)]),
    ];
    return unitCall(gradientShader, c, hooks, operands, profile);
  },
  prologues: () => [elementSite(2, "d_hidden_at")],
  reference: ([z, c, dHidden, dCell, mask], _, [dz, dBefore, dKept]) => {
    const units = c.shape[1];
    for (let e = 0; e < c.data.length; e++) {
      const isKept = mask === undefined || mask.data[Math.floor(e / units)] !== 0;
      if (dKept !== undefined) dKept.data[e] = isKept ? 0 : dHidden.data[e];
      const [i, f, g, o] = [0, 1, 2, 3].map((k) => z.data[4 * e + k]);
      const [si, sf, so, tg] = [sigmoid(i), sigmoid(f), sigmoid(o), Math.tanh(g)];
      const squashed = Math.tanh(sf * c.data[e] + si * tg);
      const dc = dCell.data[e] + dHidden.data[e] * so * (1 - squashed * squashed);
      const own = [
        dc * tg * si * (1 - si),
        dc * c.data[e] * sf * (1 - sf),
        dc * si * (1 - tg * tg),
        dHidden.data[e] * squashed * so * (1 - so),
      ];
      own.forEach((value, k) => {
        dz.data[4 * e + k] = isKept ? value : 0;
      });
      dBefore.data[e] = isKept ? dc * sf : dCell.data[e];
    }
  },
  vjp: ({ pull, grad, hasGrad, input: at, inputSpecs }) => {
    const given = inputSpecs.map((_, k) => at(k));
    const [z, c, dHidden, dCell, mask] = given;
    const value = () => weighted(gatesByOps(z, c, dHidden, dCell, mask), hasGrad, grad);
    return [...pull(value, [z, c, dHidden, dCell]), ...(mask === undefined ? [] : [null])];
  },
  samples: [
    { inputs: [{ shape: [3, 20] }, { shape: [3, 5] }, { shape: [3, 5] }, { shape: [3, 5] }] },
    {
      inputs: [
        { shape: [2, 16] },
        { shape: [2, 4] },
        { shape: [2, 4] },
        { shape: [2, 4] },
        { shape: [2, 1], values: [0, 1] },
      ],
    },
  ],
});

/** The same by single ops, which can be differentiated again. */
function gatesByOps(
  z: Tensor,
  c: Tensor,
  dHidden: Tensor,
  dCell: Tensor,
  mask: Tensor | undefined,
): Tensor[] {
  const [pi, pf, pg, po] = gatesOf(z);
  const [i, f, g, o] = [sigmoidOf(pi), sigmoidOf(pf), tanh(pg), sigmoidOf(po)];
  const squashed = tanh(add(mul(f, c), mul(i, g)));
  const rest = (value: Tensor) => sub(1, square(value));
  const slope = (value: Tensor) => mul(value, sub(1, value));
  const dc = add(dCell, mul(mul(dHidden, o), rest(squashed)));
  const dz = together([
    mul(mul(dc, g), slope(i)),
    mul(mul(dc, c), slope(f)),
    mul(mul(dc, i), rest(g)),
    mul(mul(dHidden, squashed), slope(o)),
  ]);
  const before = mul(dc, f);
  if (mask === undefined) return [dz, before];
  const counts = notEqual(mask, 0);
  return [where(counts, dz, 0), where(counts, before, dCell), where(counts, 0, dHidden)];
}
