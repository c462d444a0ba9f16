// Every schedule that comes with the package, under the name by which users call it.

export {
  type CosineDecayRestartsOptions,
  type CyclicOptions,
  cosineDecayRestarts,
  cyclic,
  type OneCycleOptions,
  oneCycle,
} from "./cycles.ts";
export {
  type CosineDecayOptions,
  cosineDecay,
  type ExponentialDecayOptions,
  exponentialDecay,
  type InverseTimeDecayOptions,
  inverseTimeDecay,
  type PiecewiseConstantOptions,
  type PolynomialDecayOptions,
  piecewiseConstant,
  polynomialDecay,
} from "./decay.ts";
export { byEpoch, type StepDecayOptions, stepDecay } from "./epochs.ts";
export type { Schedule, ScheduleConfig } from "./schedule.ts";
export {
  type LinearWarmupOptions,
  linearWarmup,
  type PolynomialWarmupOptions,
  polynomialWarmup,
} from "./warmup.ts";
