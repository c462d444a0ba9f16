// Which of the long tests a run takes. `npm test` takes a third of them, another one every day: it sets
// GRADGPU_TEST_SAMPLE to 0, 1 or 2. Where that is not set, as for vitest alone or `npm test -- --all`, all are run.

const parts = 3;

const part = process.env.GRADGPU_TEST_SAMPLE;
if (part !== undefined && !["0", "1", "2"].includes(part))
  throw new Error(`GRADGPU_TEST_SAMPLE is "${part}"; it must be 0, 1 or 2, or not set for all tests`);

/** Whether the case that stands at this place of its list is run. */
export const isDue = (place: number, of = part): boolean => of === undefined || place % parts === Number(of);

/** The cases of a list that are run. */
export const sampled = <T>(cases: readonly T[]): T[] => cases.filter((_, i) => isDue(i));

/** Whether the adapter of a test of test/gpu is the machine's first, the one that gradgpu takes. */
export const isFirstAdapter = process.env.GRADGPU_TEST_IS_FIRST === "1";

/** All cases on the first adapter, those that are due on the others: for long tests of what an adapter may get wrong. */
export const sampledOnOthers = <T>(cases: readonly T[]): T[] =>
  isFirstAdapter ? [...cases] : sampled(cases);

/**
 * Files of test/gpu about what the host does, whatever the adapter: all run on the machine's first adapter, a third on the
 * others. Files that compare an adapter's numbers or choices are not among them.
 */
export const hostFiles: readonly string[] = [
  "augmentation-docs",
  "autograd",
  "autograd-checkpoint",
  "autograd-custom",
  "autograd-docs",
  "checks",
  "conventions",
  "custom-docs",
  "data-docs",
  "dataset-fit",
  "debug",
  "diagnosis",
  "event-files",
  "fit-gone",
  "fit-lost",
  "jit-docs",
  "jit-fusion-traps",
  "jit-optimizers",
  "jit-replay",
  "jit-training",
  "jit-traps",
  "memory",
  "memory-ceiling",
  "nn-callbacks",
  "nn-ending",
  "nn-fixed-steps",
  "nn-models",
  "nn-preprocessing",
  "nn-recurrent",
  "nn-streaming",
  "nn-training",
  "optimizers-docs",
  "profile",
  "recover",
  "resume",
  "row-slices",
  "scan",
  "scan-checkpoint",
  "shared-buffers",
  "slabs",
  "snapshot",
  "steps",
  "too-large",
  "training-docs",
  "variants",
  "warm-up",
  "warm-up-helpers",
];

/** Files of test/gpu that a run leaves out on adapters other than the first. */
export const leftOutOnOthers: readonly string[] = hostFiles
  .filter((_, i) => !isDue(i))
  .map((name) => `test/gpu/${name}.test.ts`);
