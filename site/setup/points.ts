// The point sets of the playground: two coordinates a point, and a class or a number for each. The same seed, the same points.

/** Points lie between -range and range on both axes, but for noise. */
export const range = 3;

export interface Points {
  /** [count, 2] */
  readonly x: Float32Array<ArrayBuffer>;
  /** [count]: 0 or 1, or numbers of a regression. */
  readonly y: Float32Array<ArrayBuffer>;
}

/** A point of the set, without noise, and its target. */
type Draw = (random: Random) => readonly [x: number, y: number, target: number];

interface Random {
  /** Evenly from `low` up to `high`. */
  between(low: number, high: number): number;
  normal(): number;
}

function randomOf(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (low, high) => low + (high - low) * next(),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

const spiral: Draw = ({ between }) => {
  const side = between(0, 1) < 0.5 ? 0 : 1;
  const way = Math.sqrt(between(0.01, 1));
  const angle = way * 3.5 * Math.PI + side * Math.PI;
  return [way * 2.7 * Math.cos(angle), way * 2.7 * Math.sin(angle), side];
};

const circles: Draw = ({ between }) => {
  const isInner = between(0, 1) < 0.5;
  const radius = isInner ? between(0, 1.2) : between(1.8, 2.7);
  const angle = between(0, 2 * Math.PI);
  return [radius * Math.cos(angle), radius * Math.sin(angle), isInner ? 1 : 0];
};

const moons: Draw = ({ between }) => {
  const isUpper = between(0, 1) < 0.5;
  const angle = between(0, Math.PI);
  return isUpper
    ? [1.7 * Math.cos(angle) - 0.85, 1.7 * Math.sin(angle) - 0.4, 0]
    : [0.85 - 1.7 * Math.cos(angle), 0.4 - 1.7 * Math.sin(angle), 1];
};

const xor: Draw = ({ between }) => {
  const side = () => (between(0, 1) < 0.5 ? -1 : 1) * between(0.25, 2.7);
  const [x, y] = [side(), side()];
  return [x, y, x * y > 0 ? 1 : 0];
};

const plane: Draw = ({ between }) => {
  const [x, y] = [between(-2.9, 2.9), between(-2.9, 2.9)];
  return [x, y, (x + y) / 6];
};

const bumps = [
  [-1.5, 1.5, 1],
  [1.5, 1.5, -1],
  [-1.5, -1.5, -1],
  [1.5, -1.5, 1],
  [0, 0, 1],
] as const;

const hills: Draw = ({ between }) => {
  const [x, y] = [between(-2.9, 2.9), between(-2.9, 2.9)];
  let sum = 0;
  for (const [a, b, height] of bumps) sum += height * Math.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.7);
  return [x, y, sum];
};

export const pointSets = { spiral, circles, moons, xor, plane, hills } as const satisfies Record<
  string,
  Draw
>;
export type PointSet = keyof typeof pointSets;

/** @param noise standard deviation of what is added to the coordinates, as a share of the range */
export function makePoints(name: PointSet, count: number, noise: number, seed: number): Points {
  const random = randomOf(seed);
  const x = new Float32Array(2 * count);
  const y = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [a, b, target] = pointSets[name](random);
    x[2 * i] = a + noise * range * random.normal();
    x[2 * i + 1] = b + noise * range * random.normal();
    y[i] = target;
  }
  return { x, y };
}
