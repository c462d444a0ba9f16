// The engine's public face, `gradgpu`. What only nn, optim, data and bench need stands in internal.ts.

// Whatever a user's compiler aims at, it must know Symbol.dispose to read the declarations.
/// <reference lib="esnext.disposable" preserve="true" />

export {
  type BackwardOptions,
  backward,
  record,
  retainGrad,
  zeroGrad,
} from "./autograd/backward.ts";
export { checkpoint } from "./autograd/checkpoint.ts";
export {
  type CustomElementwiseOp,
  type CustomGradientOptions,
  type CustomKernelOp,
  type CustomOp,
  customGradient,
  defineElementwise,
  defineMultiOp,
  defineOp,
} from "./autograd/custom.ts";
export {
  type GradOptions,
  grad,
  type ValueAndGrads,
  type ValueGradsAndAux,
  valueAndGrad,
  variableGrads,
} from "./autograd/grad.ts";
export type { TapeOptions } from "./autograd/gradient-tape.ts";
export { type GradientHook, type HookHandle, registerHook } from "./autograd/hooks.ts";
export type { StepValues, TapeStep } from "./autograd/step.ts";
export { type StepOptions, Tape } from "./autograd/tape.ts";
export {
  type HessianProducts,
  hessian,
  hvp,
  jacobian,
  jvp,
  type Outputs,
  type ValueAndTangent,
  type VectorJacobian,
  vjp,
} from "./autograd/transforms.ts";
export type { DeviceInfo, MemoryUse, WorkCounters } from "./backend/backend.ts";
export type { WarmUpProgress } from "./backend/program.ts";
export type { DispatchTime, ProfileClock } from "./backend/timing.ts";
export type { DType, HostArray } from "./base/dtype.ts";
export {
  ArgumentError,
  CheckError,
  DataError,
  DeviceError,
  DeviceLostError,
  DisposedError,
  DTypeError,
  GradgpuError,
  GradientError,
  LimitError,
  NumericsError,
  ShaderError,
  ShapeError,
  TraceError,
} from "./base/errors.ts";
export { nameScope } from "./base/name-scope.ts";
export type { PerAxis } from "./base/number-checks.ts";
export { type RandomKey, RandomSource } from "./base/random/source.ts";
export { type Shape, showShape, sizeOf } from "./base/shape.ts";
export type { SourceLine } from "./base/source-line.ts";
export type { Tree } from "./base/tree.ts";
export {
  type CheckGradientsOptions,
  checkGradients,
  type GradientElement,
  type GradientReport,
} from "./checks/gradients.ts";
export { type NoLeaksOptions, noLeaks } from "./checks/leaks.ts";
export {
  assertCloseToReference,
  type CloseOptions,
  type CloseReport,
  type ResultElement,
} from "./checks/reference.ts";
export type { Tensors } from "./checks/reference-program.ts";
export { type Debugging, type DebugOptions, debug } from "./debug/debug.ts";
export type { GarbageReport } from "./debug/garbage.ts";
export { jit } from "./jit/jit.ts";
export type { JitOptions, JitResult, Jitted, WarmUp } from "./jit/jitted.ts";
export { type ScanOptions, type ScanOutput, scan } from "./jit/scan/scan.ts";
/** For kernels of one's own: operands, shaders, grids. */
export * as kernel from "./kernel/kernel.ts";
export type { ReferenceTensor, Sample } from "./kernel/kernel-op.ts";
export type { Measured, VariantChoices } from "./kernel/variants.ts";
export * from "./ops/index.ts";
export { float16Products } from "./ops/matmul/matrix-units.ts";
export type { CausalPadding, Convolution1dOptions, Padding, WindowOptions } from "./ops/windows/windows.ts";
export { type AdapterPeaks, measurePeaks } from "./profile/adapter-peaks.ts";
export {
  type KernelProfile,
  Profile,
  type ProfileOptions,
  type ProfileTrace,
  profile,
  type TraceEvent,
} from "./profile/profile.ts";
export { RandomGenerator, type RandomGeneratorOptions } from "./state/generator.ts";
export { type CreateOptions, full, ones, tensor, zeros } from "./tensor/create.ts";
export {
  Device,
  device,
  dispose,
  memory,
  type RecoverOptions,
  setDevice,
  setSeed,
} from "./tensor/device.ts";
export {
  type NotDifferentiable,
  notDifferentiable,
  type Op,
  type OpFunction,
  type TensorLike,
  type Vjp,
  type VjpContext,
} from "./tensor/op.ts";
export { type InitOptions, init } from "./tensor/open.ts";
export { print } from "./tensor/print.ts";
export { arange, eye, type LinspaceOptions, linspace, toCategorical } from "./tensor/ranges.ts";
export { noGrad } from "./tensor/recording.ts";
export { disposeAll, keep, tidy } from "./tensor/scope.ts";
export type { RecordedVariable, TapeNode } from "./tensor/tape-node.ts";
export { type NestedArray, type NestedInput, Tensor } from "./tensor/tensor.ts";
export { Variable, type VariableOptions, variable } from "./tensor/variable.ts";
