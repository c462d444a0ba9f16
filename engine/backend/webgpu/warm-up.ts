// Compiles kernels ahead on drivers that compile a pipeline at its first dispatch, one after another for a device. Bundles
// for pages, which do not know how many cores there are, take warm-up.browser.ts in its place.

import { coreCount } from "./machine.ts";
import { PipelineCache, SizeBuffers } from "./pipelines.ts";
import { Recorder } from "./recorder.ts";
import { runAll, throwFirst, type WarmUpJob } from "./warm-up-jobs.ts";

// Mesa keeps what it compiled for all devices of a process. So further devices, opened for just that, take a share of
// the work, each on a core of its own. Whether they can changes nothing but the time it takes.

/** Milliseconds that a pipeline from the driver's cache takes at most; the first one tells whether it is filled. */
const cachedMs = 100;
/** Fewer pipelines are not worth a device. */
const fewest = 4;
const mostHelpers = 3;

/**
 * Runs all jobs; one that fails, or an `onDone` that throws, has those that were not begun left out.
 *
 * @param onDone told after each job, and of the next where they run one after another
 * @param openHelper another device on the same adapter; undefined where the driver would not gain by one
 */
export async function warmUp(
  jobs: readonly WarmUpJob[],
  onDone: (next?: string) => void,
  openHelper?: () => Promise<GPUDevice | undefined>,
): Promise<void> {
  const left = [...jobs];
  const run = async (job: WarmUpJob) => {
    await job.run();
    onDone(left[0]?.name);
  };
  const helpers =
    openHelper === undefined || jobs.length < fewest ? 0 : Math.min(mostHelpers, (coreCount() ?? 1) - 1);
  if (helpers > 0) {
    const first = run(left.shift()!);
    if (!(await isDoneWithin(cachedMs, first))) {
      // The device itself takes them from the front, helpers from the back until they meet.
      const compiledElsewhere: WarmUpJob[] = [];
      const help = async () => {
        const device = await openHelper!().catch(() => undefined);
        if (device === undefined) return;
        const helper = new Helper(device);
        for (let job = left.pop(); job !== undefined; job = left.pop()) {
          compiledElsewhere.push(job);
          await helper.compile(job);
        }
        device.destroy();
      };
      const own = async () => {
        try {
          await first;
          for (let job = left.shift(); job !== undefined; job = left.shift()) await run(job);
        } finally {
          // Nothing, unless one failed: helpers need not go on.
          left.length = 0;
        }
      };
      const ends = await Promise.allSettled([own(), ...Array.from({ length: helpers }, help)]);
      throwFirst(ends);
      left.push(...compiledElsewhere);
    }
  }
  await runAll(left, onDone);
}

/** @throws what the work throws, if it fails in time */
async function isDoneWithin(limitMs: number, work: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A device that compiles and does nothing else. */
class Helper {
  readonly #device: GPUDevice;
  readonly #pipelines: PipelineCache;
  readonly #sizes: SizeBuffers;
  readonly #recorder: Recorder;
  readonly #buffers: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
    // Errors are the business of the device that is helped: it meets them itself.
    device.onuncapturederror = (event) => event.preventDefault();
    this.#pipelines = new PipelineCache(device, () => {});
    this.#sizes = new SizeBuffers(device, () => {});
    this.#recorder = new Recorder(device);
  }

  async compile({ name, call }: WarmUpJob): Promise<void> {
    try {
      const [pipeline] = await this.#pipelines.compile([{ name, call }]);
      if (pipeline === undefined) return;
      const entries = call.operands.map((_, i) => ({
        binding: i + 1,
        resource: { buffer: this.#bufferFor(i) },
      }));
      const sizes = { binding: 0, resource: { buffer: this.#sizes.get(call.sizes).buffer } };
      const bindGroup = this.#device.createBindGroup({
        layout: pipeline.layout,
        entries: [sizes, ...entries],
      });
      const offsets = call.operands.filter(({ moves }) => moves).map(() => 0);
      await this.#recorder.warm(pipeline, bindGroup, offsets);
    } catch {
      // Left to the device that is helped.
    }
  }

  /** Something to bind, as much as a uniform may be, which no one reads; one buffer for each place, as none may be bound both to read and to write. */
  #bufferFor(place: number): GPUBuffer {
    return (this.#buffers[place] ??= this.#device.createBuffer({ size: 65536, usage: 0xc0 }));
  }
}
