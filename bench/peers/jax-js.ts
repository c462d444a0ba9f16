// jax-js: a net as a function, the whole training step under one `jit`. Its arrays are counted references: an argument
// is used up, and `.ref` is one more.

import type { NetSpec } from "../cases/nets.ts";
import type { Array_, Jax } from "./jax-api.ts";
import { prepareJaxOp } from "./jax-ops.ts";
import { adam, batchesOf, batchNormConstants, type NetData, weightsOf } from "./net-data.ts";
import type { PeerHost, PeerLibrary, PeerWork } from "./peer.ts";

export async function openJax({ backend, importFile, packageOf }: PeerHost): Promise<PeerLibrary> {
  const { version, module } = packageOf("@jax-js/jax");
  const jax = (await importFile("@jax-js/jax", module!)) as Jax;
  const started = await jax.init(backend);
  if (!started.includes(backend)) throw new Error(`jax-js could not start its ${backend} backend`);
  jax.defaultDevice(backend);
  return {
    version,
    prepare: (work) => (work.kind === "net" ? prepareNet(jax, work.net) : prepareJaxOp(jax, work.op)),
  };
}

/** All that a step changes. */
interface State {
  params: Array_[][];
  firsts: Array_[][];
  seconds: Array_[][];
  /** Moving means and variances. */
  moving: Array_[];
  /** beta1 and beta2 to the power of the step. */
  powers: Array_[];
  key: Array_;
}

function prepareNet(jax: Jax, spec: NetSpec): PeerWork {
  const { numpy: np } = jax;
  const { inputs, classes, batchSize } = spec;
  const onDevice = ({ x, y }: NetData) => {
    const wanted = new Float32Array(batchSize * classes);
    y.forEach((label, row) => {
      wanted[row * classes + label] = 1;
    });
    return {
      x: np.array(x).reshape([batchSize, inputs]),
      y: np.array(wanted).reshape([batchSize, classes]),
    };
  };
  const batches = batchesOf(spec).map(onDevice);
  const weights = weightsOf(spec);
  const arrays = (isTrainable: boolean, fill?: number) =>
    weights.map((list) =>
      list
        .filter((weight) => weight.isTrainable === isTrainable)
        .map(({ values, shape }) =>
          np.array(fill === undefined ? values : new Float32Array(values.length).fill(fill)).reshape(shape),
        ),
    );
  let state: State = {
    params: arrays(true),
    firsts: arrays(true, 0),
    seconds: arrays(true, 0),
    moving: arrays(false).flat(),
    powers: [np.array(new Float32Array([1])), np.array(new Float32Array([1]))],
    key: jax.random.key(1),
  };
  const step = jax.jit((before: State, input: Array_, wanted: Array_) =>
    trainStep(jax, spec, before, input, wanted),
  );
  let next = 0;
  let loss: Array_ | undefined;
  return {
    run() {
      const { x, y } = batches[next];
      next = (next + 1) % batches.length;
      loss?.dispose();
      [state, loss] = step(state, x.ref, y.ref);
    },
    wait: () => loss!.ref.data(),
    read: async () => [await loss!.ref.data()],
    train(rows) {
      const { x, y } = onDevice(rows);
      loss?.dispose();
      [state, loss] = step(state, x, y);
    },
    dispose() {
      loss?.dispose();
      const { params, firsts, seconds, moving, powers, key } = state;
      for (const array of [params, firsts, seconds].flat(2)) array.dispose();
      for (const array of [...moving, ...powers, key]) array.dispose();
      for (const batch of batches) {
        batch.x.dispose();
        batch.y.dispose();
      }
      step.dispose();
    },
  };
}

function trainStep(jax: Jax, spec: NetSpec, before: State, x: Array_, y: Array_): [State, Array_] {
  const { numpy: np } = jax;
  const drops = spec.layers.filter(({ kind }) => kind === "dropout").length;
  const keys = drops === 0 ? [before.key] : np.unstack(jax.random.split(before.key, drops + 1));
  const lossOf = (params: Array_[][]): [Array_, Array_[]] => {
    const { logits, moving } = forward(jax, spec, params, before.moving, x, keys.slice(1));
    return [y.mul(jax.nn.logSoftmax(logits, -1)).sum(-1).mean().mul(-1), moving];
  };
  const refs = before.params.map((list) => list.map((array) => array.ref));
  const [[loss, moving], grads] = jax.valueAndGrad(lossOf, { hasAux: true })(refs);

  const { learningRate, beta1, beta2, epsilon } = adam;
  const powers = [before.powers[0].mul(beta1), before.powers[1].mul(beta2)];
  const rate = np.sqrt(powers[1].ref.mul(-1).add(1)).div(powers[0].ref.mul(-1).add(1)).mul(learningRate);
  const after: State = { params: [], firsts: [], seconds: [], moving, powers, key: keys[0] };
  before.params.forEach((list, i) => {
    const updated = list.map((param, k) => {
      const gradient = grads[i][k];
      const first = before.firsts[i][k].mul(beta1).add(gradient.ref.mul(1 - beta1));
      const second = before.seconds[i][k].mul(beta2).add(np.square(gradient).mul(1 - beta2));
      const step = first.ref.mul(rate.ref).div(np.sqrt(second.ref).add(epsilon));
      return { param: param.sub(step), first, second };
    });
    after.params.push(updated.map(({ param }) => param));
    after.firsts.push(updated.map(({ first }) => first));
    after.seconds.push(updated.map(({ second }) => second));
  });
  rate.dispose();
  return [after, loss];
}

function forward(
  jax: Jax,
  { layers, batchSize }: NetSpec,
  params: Array_[][],
  movingBefore: readonly Array_[],
  x: Array_,
  keys: readonly Array_[],
): { logits: Array_; moving: Array_[] } {
  const { numpy: np } = jax;
  const { momentum, epsilon } = batchNormConstants;
  const moving: Array_[] = [];
  let value = x;
  let width = 0;
  let drops = 0;
  layers.forEach((layer, i) => {
    if (layer.kind === "dense") {
      width = layer.units;
      value = np.matmul(value, params[i][0]).add(params[i][1]);
      if (i < layers.length - 1) value = jax.nn.relu(value);
    } else if (layer.kind === "batchNorm") {
      const mean = value.ref.mean(0);
      const centred = value.sub(mean.ref);
      const variance = np.square(centred.ref).mean(0);
      const scale = params[i][0].div(np.sqrt(variance.ref.add(epsilon)));
      value = centred.mul(scale).add(params[i][1]);
      for (const now of [mean, variance]) {
        const old = movingBefore[moving.length];
        moving.push(old.mul(momentum).add(now.mul(1 - momentum)));
      }
    } else {
      const keep = 1 - layer.rate;
      const mask = jax.random.bernoulli(keys[drops++], keep, [batchSize, width]);
      value = np.where(mask, value.div(keep), 0);
    }
  });
  return { logits: value, moving };
}
