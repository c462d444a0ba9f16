// Every callback that comes with the package, as `gradgpu/nn` exports them: a line and a file each.

export { EarlyStopping, type EarlyStoppingOptions } from "./early-stopping.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./reduce-learning-rate.ts";
export { TensorBoard, type TensorBoardOptions } from "./tensor-board.ts";
