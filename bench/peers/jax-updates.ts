// Optimizer updates in jax-js, each under `jit`.

import { type OpSpec, type UpdateOpName, valuesOf } from "../cases/op-spec.ts";
import type { Array_, Jax } from "./jax-api.ts";
import { adam, sgd } from "./net-data.ts";
import type { PeerWork } from "./peer.ts";

interface Update {
  /** What it keeps beside the weights. */
  start(jax: Jax, count: number): Array_[];
  /** Of weights and what it keeps. */
  step(jax: Jax, state: readonly Array_[], slope: Array_): Array_[];
}

const zeros = ({ numpy }: Jax, count: number) => numpy.array(new Float32Array(count));
const one = ({ numpy }: Jax) => numpy.array(new Float32Array([1]));

const updates: Readonly<Record<UpdateOpName, Update>> = {
  adam: {
    // Both moments, and the powers of both betas.
    start: (jax, count) => [zeros(jax, count), zeros(jax, count), one(jax), one(jax)],
    step({ numpy: np }, [weight, first, second, power1, power2], slope) {
      const { learningRate, beta1, beta2, epsilon } = adam;
      const powers = [power1.mul(beta1), power2.mul(beta2)];
      const rate = np.sqrt(powers[1].ref.mul(-1).add(1)).div(powers[0].ref.mul(-1).add(1)).mul(learningRate);
      const m = first.mul(beta1).add(slope.ref.mul(1 - beta1));
      const v = second.mul(beta2).add(np.square(slope).mul(1 - beta2));
      const step = m.ref.mul(rate).div(np.sqrt(v.ref).add(epsilon));
      return [weight.sub(step), m, v, ...powers];
    },
  },
  sgdMomentum: {
    start: (jax, count) => [zeros(jax, count)],
    step(_, [weight, velocity], slope) {
      const { learningRate, momentum } = sgd;
      const next = velocity.mul(momentum).sub(slope.mul(learningRate));
      return [weight.add(next.ref), next];
    },
  },
};

export function prepareUpdate(jax: Jax, spec: OpSpec, op: UpdateOpName): PeerWork {
  const { start, step } = updates[op];
  const [weight, gradient] = valuesOf(spec).map((values) => jax.numpy.array(values));
  let state = [weight, ...start(jax, spec.inputs[0].shape[0])];
  const update = jax.jit((before: Array_[], slope: Array_) => step(jax, before, slope));
  return {
    run() {
      state = update(state, gradient.ref);
    },
    wait: () => jax.blockUntilReady(state),
    read: async () => [await state[0].ref.data()],
    dispose() {
      for (const array of [...state, gradient]) array.dispose();
      update.dispose();
    },
  };
}
