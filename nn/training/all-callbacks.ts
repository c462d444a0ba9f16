// Every callback that comes with the package, as `gradgpu/nn` exports them: short ones may stand here, longer ones have
// a file each.

export { EarlyStopping, type EarlyStoppingOptions } from "./early-stopping.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./reduce-learning-rate.ts";
