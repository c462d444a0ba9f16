// What a person looks at, `gradgpu/inspect`: explain, diagrams, the stepper's page.

export type { Diagram, DiagramEdge, DiagramNode, DiagramOptions } from "./diagram.ts";
export { type ExplainOptions, explain } from "./explain.ts";
export { type DispatchBound, gpuTime, type ProgramBound } from "./gpu-time.ts";
export type { GpuPeaks } from "./gpus.ts";
export type { DrawableModel } from "./model-diagram.ts";
export { showVariants } from "./show-variants.ts";
export { type StepperOptions, type StepperUpdate, stepperPage } from "./stepper/page.ts";
export { type RecordingOptions, recordSteps, type StepRecording } from "./stepper/recording.ts";
export { type Drawable, type ToDiagramOptions, toDiagram, toDot, toMermaid } from "./tape-diagram.ts";
