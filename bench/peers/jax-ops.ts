// Ops in jax-js, each under `jit`.

import type { OpAttributes, OpName, OpSpec } from "../cases/op-spec.ts";
import { valuesOf } from "../cases/op-spec.ts";
import type { Array_, Jax } from "./jax-api.ts";
import { adam, batchNormConstants } from "./net-data.ts";
import type { PeerWork } from "./peer.ts";

const heldResults = 4;

type JaxOp = (jax: Jax, inputs: Array_[], attributes: OpAttributes) => Array_;

const ops: Readonly<Partial<Record<OpName, JaxOp>>> = {
  matmul: ({ numpy }, [a, b], { transposeA, transposeB }) =>
    numpy.matmul(transposeA ? a.transpose() : a, transposeB ? b.transpose() : b),
  dense: ({ numpy }, [x, weight, bias]) => numpy.matmul(x, weight).add(bias),
  neg: ({ numpy }, [x]) => numpy.negative(x),
  relu: ({ nn }, [x]) => nn.relu(x),
  add: (_, [a, b]) => a.add(b),
  exp: ({ numpy }, [x]) => numpy.exp(x),
  tanh: ({ numpy }, [x]) => numpy.tanh(x),
  sigmoid: ({ nn }, [x]) => nn.sigmoid(x),
  sum: (_, [x], { axis }) => x.sum(axis),
  max: (_, [x], { axis }) => x.max(axis),
  argMax: ({ numpy }, [x], { axis }) => numpy.argmax(x, axis),
  softmax: ({ nn }, [x]) => nn.softmax(x, -1),
  batchNorm: ({ numpy }, [x, gamma, beta]) => {
    const mean = x.ref.mean(0);
    const centred = x.sub(mean);
    const variance = numpy.square(centred.ref).mean(0);
    const scale = gamma.div(numpy.sqrt(variance.add(batchNormConstants.epsilon)));
    return centred.mul(scale).add(beta);
  },
  crossEntropy: ({ nn }, [logits, wanted]) => wanted.mul(nn.logSoftmax(logits, -1)).sum(-1).mul(-1),
  gather: ({ numpy }, [x, rows]) => numpy.take(x, rows, 0),
  transpose: (_, [x]) => x.transpose(),
};

function inputsOf({ numpy: np }: Jax, spec: OpSpec): Array_[] {
  return valuesOf(spec).map((values, i) => {
    const { shape, fill, limit } = spec.inputs[i];
    if (fill !== "whole") return np.array(values).reshape(shape);
    if (spec.op !== "crossEntropy") return np.array(values, { dtype: np.int32 }).reshape(shape);
    // Labels as one-hot rows, as jax's own loss takes them.
    const rows = new Float32Array(values.length * limit!);
    values.forEach((label, row) => {
      rows[row * limit! + label] = 1;
    });
    return np.array(rows).reshape([...shape, limit!]);
  });
}

export function prepareJaxOp(jax: Jax, spec: OpSpec): PeerWork {
  if (spec.op === "adam") return prepareAdam(jax, spec);
  const op = ops[spec.op];
  if (op === undefined) throw new Error(`jax-js has no ${spec.op}`);
  const inputs = inputsOf(jax, spec);
  const traced = jax.jit((...args: Array_[]) => op(jax, args, spec.attributes ?? {}));
  // A result that is let go before anybody waited for it is never computed: a few are held, and waited for together.
  let results: Array_[] = [];
  let last: Array_ | undefined;
  const settle = async () => {
    await jax.blockUntilReady(results);
    for (const result of results) result.dispose();
    results = [];
  };
  return {
    async run() {
      if (results.length >= heldResults) await settle();
      last?.dispose();
      last = traced(...inputs.map((input) => input.ref));
      results.push(last.ref);
    },
    wait: settle,
    read: () => last!.ref.data(),
    dispose() {
      for (const array of [...inputs, ...results, last]) array?.dispose();
      traced.dispose();
    },
  };
}

/** Adam of one vector, its moments and the powers of its betas. */
function prepareAdam(jax: Jax, spec: OpSpec): PeerWork {
  const { numpy: np } = jax;
  const [start, gradient] = inputsOf(jax, spec);
  const zeros = () => np.array(new Float32Array(spec.inputs[0].shape[0]));
  const one = () => np.array(new Float32Array([1]));
  const { learningRate, beta1, beta2, epsilon } = adam;
  let state = [start, zeros(), zeros(), one(), one()];
  const update = jax.jit(([weight, first, second, power1, power2]: Array_[], slope: Array_): Array_[] => {
    const powers = [power1.mul(beta1), power2.mul(beta2)];
    const rate = np.sqrt(powers[1].ref.mul(-1).add(1)).div(powers[0].ref.mul(-1).add(1)).mul(learningRate);
    const m = first.mul(beta1).add(slope.ref.mul(1 - beta1));
    const v = second.mul(beta2).add(np.square(slope).mul(1 - beta2));
    const step = m.ref.mul(rate).div(np.sqrt(v.ref).add(epsilon));
    return [weight.sub(step), m, v, ...powers];
  });
  return {
    run() {
      state = update(state, gradient.ref);
    },
    wait: () => jax.blockUntilReady(state),
    read: () => state[0].ref.data(),
    dispose() {
      for (const array of [...state, gradient]) array.dispose();
      update.dispose();
    },
  };
}
