// All layers.

export { Activation } from "./activation.ts";
export { BatchNormalization, type BatchNormalizationOptions } from "./batch-normalization.ts";
export { Dense, type DenseOptions } from "./dense.ts";
export { Dropout, type DropoutOptions } from "./dropout.ts";
export { Flatten } from "./flatten.ts";
export { Input, type InputOptions } from "./input.ts";
export { type CallOptions, Layer, type LayerOptions } from "./layer.ts";
export { Rescaling, type RescalingOptions } from "./rescaling.ts";
