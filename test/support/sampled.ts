// Which of the long tests a run takes. `npm test` takes a third of most, another one every day: it sets
// GRADGPU_TEST_SAMPLE to a number of the day. Where that is not set, as for vitest alone or `npm test -- --all`, all are run.

const sample = process.env.GRADGPU_TEST_SAMPLE;
if (sample !== undefined && !/^\d+$/.test(sample))
  throw new Error(`GRADGPU_TEST_SAMPLE is "${sample}"; it must be a whole number, or not set for all tests`);

/** Whether the case that stands at this place of its list is run. */
export const isDue = (place: number, parts = 3, of = sample): boolean =>
  of === undefined || place % parts === Number(of) % parts;

/** The cases of a list that are run: one in so many. */
export const sampled = <T>(cases: readonly T[], parts = 3): T[] => cases.filter((_, i) => isDue(i, parts));

/** Which of the machine's adapters a test of test/gpu has: its first, which is the one that gradgpu takes, perhaps the only one. */
export type AdapterRole = "only" | "first" | "other";
const role = process.env.GRADGPU_TEST_ADAPTER as AdapterRole | undefined;

export const isFirstAdapter = role === "only" || role === "first";

/**
 * Whether a case of what an adapter may get wrong is run on this one: on others one in so many, on the first those that are not
 * run on others, so that each day has each case on an adapter at least.
 */
export const isDueHere = (place: number, parts = 3, on = role, of = sample): boolean =>
  of === undefined || on === "only" || isDue(place, parts, of) === (on !== "first");

/** The cases of a list that are run on this adapter. */
export const sampledHere = <T>(cases: readonly T[], parts = 3): T[] =>
  cases.filter((_, i) => isDueHere(i, parts));

/**
 * Files of test/gpu about what the host does, whatever the adapter: all run on the machine's first adapter, an eleventh on the
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
  "device",
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
  "optim-jit",
  "optimizers-docs",
  "profile",
  "recover",
  "resume",
  "resume-data",
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

/**
 * Of so many host files others than the first adapter take one. It has no factor in common with the parts that these files take
 * of their cases: else a file's day would always be the day of the same cases.
 */
export const hostParts = 11;

/** Files of test/gpu that a run leaves out on adapters other than the first. */
export const leftOutOnOthers: readonly string[] = hostFiles
  .filter((_, i) => !isDue(i, hostParts))
  .map((name) => `test/gpu/${name}.test.ts`);
