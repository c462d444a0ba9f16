// Ops in jax-js, each under `jit`, alone or with the gradients by its inputs.

import {
  isRandom,
  isUpdate,
  type OpAttributes,
  type OpName,
  type OpSpec,
  seedOf,
  valuesOf,
} from "../cases/op-spec.ts";
import type { Array_, Jax, JaxOp } from "./jax-api.ts";
import { layerOps, layoutOf } from "./jax-layers.ts";
import { prepareUpdate } from "./jax-updates.ts";
import { permuted, permutedShape } from "./layout.ts";
import type { PeerWork } from "./peer.ts";

const heldResults = 4;

function swapped(x: Array_): Array_ {
  const order = x.shape.map((_, axis) => axis);
  return x.transpose([...order.slice(0, -2), order.at(-1)!, order.at(-2)!]);
}

function addChain([x, one]: readonly Array_[], count: number): Array_ {
  let value = x;
  for (let i = 0; i < count; i++) value = value.add(one.ref);
  one.dispose();
  return value;
}

const ops: Readonly<Partial<Record<OpName, JaxOp>>> = {
  ...layerOps,
  matmul: ({ numpy }, [a, b], { transposeA, transposeB }) =>
    numpy.matmul(transposeA ? swapped(a) : a, transposeB ? swapped(b) : b),
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
  crossEntropy: ({ nn }, [logits, wanted]) => wanted.mul(nn.logSoftmax(logits, -1)).sum(-1).mul(-1),
  gather: ({ numpy }, [x, rows]) => numpy.take(x, rows, 0),
  // It scatters only as the gradient of a gather, which asks nothing of what was gathered from.
  scatterAdd: (jax, [updates, rows], { size }) => {
    const from = jax.numpy.zeros([size!, ...updates.shape.slice(1)]);
    const [gathered, pull] = jax.vjp((x) => jax.numpy.take(x, rows, 0), [from]);
    gathered.dispose();
    const [result] = pull(updates);
    pull.dispose();
    return result;
  },
  transpose: (_, [x]) => x.transpose(),
  concat: ({ numpy }, [x], { axis }) => numpy.concatenate([x.ref, x], axis),
  pad: ({ numpy }, [x]) => numpy.pad(x, 1),
  tril: ({ numpy }, [x]) => numpy.tril(x),
  cumsum: ({ numpy }, [x], { axis }) => numpy.cumsum(x, axis),
  sort: ({ numpy }, [x]) => numpy.sort(x, -1),
  oneHot: ({ nn }, [indices], { size }) => nn.oneHot(indices, size!),
  randomBits: ({ random }, _, { shape }, key) => random.bits(key!, shape!),
  randomUniform: ({ random }, _, { shape }, key) => random.uniform(key!, shape!),
  randomNormal: ({ random }, _, { shape }, key) => random.normal(key!, shape!),
  dropout: ({ numpy, random }, [x], { rate }, key) => {
    const keep = 1 - rate!;
    return numpy.where(random.bernoulli(key!, keep, x.shape), x.div(keep), 0);
  },
  chain: (_, inputs, { count }) => addChain(inputs, count!),
  tracedChain: () => {
    throw new Error(
      "jax-js makes all of a traced chain one nested expression, deeper than the compiler or the stack allows",
    );
  },
};

/** Our inputs as jax-js wants them. */
function inputsOf({ numpy: np }: Jax, spec: OpSpec): Array_[] {
  const orders = layoutOf(spec).inputs;
  return valuesOf(spec).map((values, i) => {
    const { shape, fill, limit } = spec.inputs[i];
    const order = orders[i];
    if (order !== undefined)
      return np.array(permuted(values, shape, order)).reshape(permutedShape(shape, order));
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

/** The values in our order of axes, of which `order` made theirs. */
async function readAs(array: Array_, order: readonly number[] | undefined) {
  const values = await array.ref.data();
  if (order === undefined || !(values instanceof Float32Array)) return values;
  const back = order.map((_, axis) => order.indexOf(axis));
  return permuted(values, array.shape, back);
}

/** The op's function of keys, of which it draws one and leaves another, and of inputs. */
type Program = (keys: readonly Array_[], inputs: readonly Array_[]) => { keys: Array_[]; results: Array_[] };

function forwardOf(jax: Jax, op: JaxOp, attributes: OpAttributes): Program {
  return ([before], inputs) => {
    if (before === undefined) return { keys: [], results: [op(jax, inputs, attributes, undefined)] };
    const [next, key] = jax.numpy.unstack(jax.random.split(before, 2));
    return { keys: [next], results: [op(jax, inputs, attributes, key)] };
  };
}

/** Its gradients by all inputs but whole numbers; the last input is what weights the result. */
function gradientOf(jax: Jax, op: JaxOp, { inputs: specs, attributes = {} }: OpSpec): Program {
  return ([before], [...inputs]) => {
    const weights = inputs.pop()!;
    const [next, key] = before === undefined ? [] : jax.numpy.unstack(jax.random.split(before, 2));
    const isWhole = (i: number) => specs[i].fill === "whole";
    const [result, pull] = jax.vjp(
      (...moving) =>
        op(
          jax,
          inputs.map((input, i) => (isWhole(i) ? input : moving.shift()!)),
          attributes,
          key,
        ),
      inputs.filter((_, i) => !isWhole(i)),
    );
    result.dispose();
    const results = pull(weights);
    pull.dispose();
    return { keys: next === undefined ? [] : [next], results };
  };
}

/** What weights the result of that shape, which is theirs. */
function weightsFor({ numpy }: Jax, theirs: readonly number[], { result }: ReturnType<typeof layoutOf>) {
  const order = theirs.length > 2 ? result(theirs.length) : undefined;
  if (order === undefined) return numpy.array(seedOf(theirs)).reshape(theirs);
  const ours = theirs.map((_, axis) => theirs[order.indexOf(axis)]);
  return numpy.array(permuted(seedOf(ours), ours, order)).reshape(theirs);
}

/** The shape of an op's result, by tracing it. */
function shapeOf(jax: Jax, forward: Program, keys: readonly Array_[], inputs: readonly Array_[]) {
  let shape: readonly number[] = [];
  const trace = jax.makeJaxpr((...traced) => {
    const { results } = forward(traced.slice(0, keys.length), traced.slice(keys.length));
    shape = results[0].shape;
    return results[0];
  });
  trace(...keys, ...inputs).jaxpr.dispose();
  return shape;
}

export function prepareJaxOp(jax: Jax, spec: OpSpec): PeerWork {
  if (isUpdate(spec.op)) return prepareUpdate(jax, spec, spec.op);
  const op = ops[spec.op];
  if (op === undefined) throw new Error(`jax-js has no ${spec.op}`);
  const { attributes = {}, isGradient = false } = spec;
  const layout = layoutOf(spec);
  const inputs = inputsOf(jax, spec);
  let keys = isRandom(spec.op) ? [jax.random.key(1)] : [];
  const forward = forwardOf(jax, op, attributes);
  if (isGradient) inputs.push(weightsFor(jax, shapeOf(jax, forward, keys, inputs), layout));
  const program = isGradient ? gradientOf(jax, op, spec) : forward;
  const traced = spec.op === "chain" ? undefined : jax.jit(program);
  const orders = isGradient ? layout.inputs.filter((_, i) => spec.inputs[i].fill !== "whole") : undefined;
  // A result that is let go before anybody waited for it is never computed: a few are held, and waited for together.
  let held: Array_[][] = [];
  let last: Array_[] = [];
  const settle = async () => {
    await jax.blockUntilReady(held);
    for (const array of held.flat()) array.dispose();
    held = [];
  };
  return {
    async run() {
      if (held.length >= heldResults) await settle();
      for (const array of last) array.dispose();
      const given = inputs.map((input) => input.ref);
      ({ keys, results: last } = (traced ?? program)(keys, given));
      held.push(last.map((array) => array.ref));
    },
    wait: settle,
    read: () =>
      Promise.all(
        last.map((array, i) => {
          const rank = array.shape.length;
          return readAs(
            array,
            orders === undefined ? (rank > 2 ? layout.result(rank) : undefined) : orders[i],
          );
        }),
      ),
    dispose() {
      for (const array of [...inputs, ...keys, ...held.flat(), ...last]) array.dispose();
      traced?.dispose();
    },
  };
}
