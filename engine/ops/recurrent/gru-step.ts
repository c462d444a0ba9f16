// gruStep: one step of a GRU as one kernel: the recurrent product, its gates and the new state.

import gradientSource from "../../../shaders/gru-gradient.wgsl";
import { type Hooks, input, output, type Spec, shader } from "../../kernel/kernel.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
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
import { productInto, sigmoid } from "./lstm-step.ts";

interface StepAttrs {
  readonly hasMask: boolean;
}

const productOf = (inputs: readonly Spec[], { hasMask }: StepAttrs) =>
  stepProduct("gruStep", inputs, [], hasMask ? inputs[3] : undefined);

const storeGates = (hasMask: boolean): string => `let x = zx[e];
    let z = vec4f(value.xy + x.xy, x.z, value.z + x.w);
    z_out[e] = z;
    let gates = sigmoid_4(z);
    let candidate = tanh_4(vec4f(z.z + gates.y * z.w)).x;
    let before = state_before[e];
    let state = gates.x * before + (1.0 - gates.x) * candidate;
    state_after[e] = ${hasMask ? "select(before, state, mask[row] != 0.0)" : "state"};`;

const bound = (hasMask: boolean): Beside[] => {
  const read = "array<f32>";
  return [
    { name: "zx", operand: input(2), type: "array<vec4f>" },
    { name: "state_before", operand: input(0), type: read },
    { name: "state_after", operand: output(1), type: read },
    ...(hasMask ? [{ name: "mask", operand: input(3), type: read }] : []),
  ];
};

/**
 * One step of a GRU (Cho et al. 2014) whose reset gate acts behind the recurrent product, as Keras's `reset_after` has it:
 * with a unit's gates z, r, n and a fourth column of zeros side by side in U, and z, r, n and the recurrent bias of n in zx,
 * h' = σ(z) h + (1 - σ(z)) tanh(n + σ(r) (h U + b)).
 *
 * @param h [batch, units], the state
 * @param u [units, 4 units], the recurrent kernel
 * @param zx [batch, 4 units]: what the inputs and the biases give
 * @param mask [batch, 1]: rows where it is 0 keep their state
 * @returns what went into the gates [batch, 4 units], which the gradient reads, and h'
 */
export const gruStep: OpFunction<[h: Tensor, u: Tensor, zx: Tensor, mask?: Tensor], Tensor[]> = defineMultiOp(
  {
    name: "gruStep",
    saves: { inputs: [0, 1, 3], outputs: [0] },
    call: (h: Tensor, u: Tensor, zx: Tensor, mask?: Tensor) => ({
      inputs: mask === undefined ? [h, u, zx] : [h, u, zx, mask],
      attrs: { hasMask: mask !== undefined },
    }),
    infer: (inputs, attrs: StepAttrs) => {
      productOf(inputs, attrs);
      const [{ shape: state }, , { shape: gates }] = inputs;
      return [gates, state].map((shape) => ({ shape, dtype: "f32" as const }));
    },
    kernels: ({ inputs, attrs, profile }) =>
      withGates(
        planMatmul(productOf(inputs, attrs), profile),
        storeGates(attrs.hasMask),
        bound(attrs.hasMask),
      ),
    variants: ({ inputs, attrs, profile }) => productVariants(productOf(inputs, attrs), profile),
    reference: ([h, u, zx, mask], _, [z, after]) => {
      const units = h.shape[1];
      productInto(z, h, u, { ...zx, data: new Float64Array(zx.data.length) });
      for (let e = 0; e < h.data.length; e++) {
        const at = 4 * e;
        const [pz, pr, pn] = [z.data[at], z.data[at + 1], z.data[at + 2]];
        const own = [pz + zx.data[at], pr + zx.data[at + 1], zx.data[at + 2], pn + zx.data[at + 3]];
        own.forEach((value, k) => {
          z.data[at + k] = value;
        });
        const candidate = Math.tanh(own[2] + sigmoid(own[1]) * own[3]);
        const update = sigmoid(own[0]);
        const isKept = mask === undefined || mask.data[Math.floor(e / units)] !== 0;
        after.data[e] = isKept ? update * h.data[e] + (1 - update) * candidate : h.data[e];
      }
    },
    vjp: (context) => {
      const [h, u] = [context.input(0), context.input(1)];
      const mask = context.attrs.hasMask ? [context.input(3)] : [];
      let [dInputs, dProduct, dKept] = gruGates(context.output(0), h, context.grad(1), ...mask);
      if (context.hasGrad(0)) {
        const [update, reset, , state] = gatesOf(context.grad(0));
        dInputs = add(dInputs, context.grad(0));
        dProduct = add(dProduct, together([update, reset, state, mul(state, 0)]));
      }
      return [
        context.needs(0) ? add(matmul(dProduct, u, { transposeB: true }), dKept) : null,
        context.needs(1) ? matmul(h, dProduct, { transposeA: true }) : null,
        dInputs,
        ...mask.map(() => null),
      ];
    },
    samples: [
      { inputs: [{ shape: [3, 5] }, { shape: [5, 20] }, { shape: [3, 20] }] },
      { inputs: [{ shape: [1, 1] }, { shape: [1, 4] }, { shape: [1, 4] }] },
      {
        inputs: [
          { shape: [4, 8] },
          { shape: [8, 32] },
          { shape: [4, 32] },
          { shape: [4, 1], values: [1, 0, 1, 0] },
        ],
        attrs: { hasMask: true },
        differentiable: [0, 2],
      },
    ].map((sample) => ({ attrs: { hasMask: false }, ...sample })),
  },
);

const gradientShader = shader("gru-gradient", gradientSource);

/** The gradients of zx and of the product, and what h gets besides the product's. */
const gruGates = defineMultiOp({
  name: "gruGates",
  saves: { inputs: [0, 1, 2, 3] },
  call: (z: Tensor, h: Tensor, dAfter: Tensor, mask?: Tensor) => ({
    inputs: mask === undefined ? [z, h, dAfter] : [z, h, dAfter, mask],
    attrs: {},
  }),
  infer: ([z, h]) => [z, z, h].map(({ shape, dtype }) => ({ shape, dtype })),
  kernels: ({ inputs: [, h, , mask], profile }) => {
    const hooks: Hooks =
      mask === undefined
        ? { functions: gateFunctions }
        : {
            functions: {
              ...gateFunctions,
              is_kept: "fn is_kept(row: u32) -> bool {\n  return mask[row] != 0.0;\n}",
            },
            bindings: [{ name: "mask", binding: 7, access: "read", type: "array<f32>" }],
          };
    const operands = [
      ...[0, 1, 2].map(input),
      ...[0, 1, 2].map(output),
      ...(mask === undefined ? [] : [input(3)]),
    ];
    return unitCall(gradientShader, h, hooks, operands, profile);
  },
  prologues: () => [elementSite(2, "d_after_at")],
  reference: ([z, h, dAfter, mask], _, [dInputs, dProduct, dBefore]) => {
    const units = h.shape[1];
    for (let e = 0; e < h.data.length; e++) {
      const isKept = mask === undefined || mask.data[Math.floor(e / units)] !== 0;
      const d = dAfter.data[e];
      const [pz, pr, pn, inner] = [0, 1, 2, 3].map((k) => z.data[4 * e + k]);
      const [update, reset] = [sigmoid(pz), sigmoid(pr)];
      const candidate = Math.tanh(pn + reset * inner);
      const dUpdate = d * (h.data[e] - candidate) * update * (1 - update);
      const dCandidate = d * (1 - update) * (1 - candidate * candidate);
      const dReset = dCandidate * inner * reset * (1 - reset);
      const dState = dCandidate * reset;
      [dUpdate, dReset, dCandidate, dState].forEach((value, k) => {
        dInputs.data[4 * e + k] = isKept ? value : 0;
      });
      [dUpdate, dReset, dState, 0].forEach((value, k) => {
        dProduct.data[4 * e + k] = isKept ? value : 0;
      });
      dBefore.data[e] = isKept ? d * update : d;
    }
  },
  vjp: ({ pull, grad, hasGrad, input: at, inputSpecs }) => {
    const [z, h, dAfter, mask] = inputSpecs.map((_, k) => at(k));
    const value = () => weighted(gatesByOps(z, h, dAfter, mask), hasGrad, grad);
    return [...pull(value, [z, h, dAfter]), ...(mask === undefined ? [] : [null])];
  },
  samples: [
    { inputs: [{ shape: [3, 20] }, { shape: [3, 5] }, { shape: [3, 5] }] },
    {
      inputs: [{ shape: [2, 16] }, { shape: [2, 4] }, { shape: [2, 4] }, { shape: [2, 1], values: [0, 1] }],
    },
  ],
});

/** The same by single ops, which can be differentiated again. */
function gatesByOps(z: Tensor, h: Tensor, dAfter: Tensor, mask: Tensor | undefined): Tensor[] {
  const [pz, pr, pn, inner] = gatesOf(z);
  const [update, reset] = [sigmoidOf(pz), sigmoidOf(pr)];
  const candidate = tanh(add(pn, mul(reset, inner)));
  const slope = (value: Tensor) => mul(value, sub(1, value));
  const dUpdate = mul(mul(dAfter, sub(h, candidate)), slope(update));
  const dCandidate = mul(mul(dAfter, sub(1, update)), sub(1, square(candidate)));
  const dReset = mul(mul(dCandidate, inner), slope(reset));
  const dState = mul(dCandidate, reset);
  const dInputs = together([dUpdate, dReset, dCandidate, dState]);
  const dProduct = together([dUpdate, dReset, dState, mul(dState, 0)]);
  const before = mul(dAfter, update);
  if (mask === undefined) return [dInputs, dProduct, before];
  const counts = notEqual(mask, 0);
  return [where(counts, dInputs, 0), where(counts, dProduct, 0), where(counts, before, dAfter)];
}
