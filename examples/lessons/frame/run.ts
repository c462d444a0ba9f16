// Runs a lesson's program once a seed, shows progress with the time left, and keeps what there is when it is cut short.

import { setSeed } from "gradgpu";
import type { Callback } from "gradgpu/nn";
import type { AnyLesson, Course, Kept, Run, Size, Watched } from "./lesson.ts";
import type { Progress } from "./progress.ts";

export interface RunOptions {
  readonly size: Size;
  readonly seeds: number;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** The runs, one a seed; after an abort those that there are, the last one cut short. */
export async function runLesson(lesson: AnyLesson, options: RunOptions): Promise<Run[]> {
  const { size, seeds, signal, progress } = options;
  const runs: Run[] = [];
  progress.begin(lesson.name, seeds * lesson.parts(size));
  try {
    for (let seed = 1; seed <= seeds && !signal.aborted; seed++) {
      const kept = new Map<string, Kept>();
      const begun = performance.now();
      const label = seeds > 1 ? `seed ${seed} of ${seeds}` : "";
      let isWhole = true;
      setSeed(seed);
      try {
        await lesson.program(courseOf(seed, kept, label, options));
      } catch (error) {
        if (!signal.aborted) throw error;
        isWhole = false;
      }
      progress.beginSeed(seed);
      if (isWhole || kept.size > 0) {
        runs.push({ seed, kept, seconds: (performance.now() - begun) / 1000, isWhole });
      }
    }
  } finally {
    progress.end();
  }
  // Claims and pictures want whole runs, where there is one.
  const whole = runs.filter(({ isWhole }) => isWhole);
  return whole.length > 0 ? whole : runs;
}

function courseOf(seed: number, kept: Map<string, Kept>, label: string, options: RunOptions): Course {
  const { size, signal, progress, folder } = options;
  return {
    seed,
    size,
    folder,
    watch: (name: string, ...callbacks: Callback[]): Watched => ({
      verbose: 0,
      signal,
      callbacks: [...callbacks, watcher(name, kept, label, progress)],
    }),
    keep: (name, value) => {
      signal.throwIfAborted();
      kept.set(name, value);
    },
    tick: async (done, of) => {
      progress.part(label, done / of);
      // Signals are noticed between tasks only.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    },
  };
}

/** Keeps the history of a run of `fit`, epoch by epoch, so that a cut one is kept, too. */
function watcher(name: string, kept: Map<string, Kept>, label: string, progress: Progress): Callback {
  const curves: Record<string, number[]> = {};
  const place = label === "" ? name : `${label}, ${name}`;
  return {
    onTrainBegin() {
      progress.part(place, 0);
    },
    onBoundary(_model, { params, epoch, steps }) {
      const ofEpoch = params.steps > 0 && steps < params.steps ? steps / params.steps : 0;
      progress.part(place, Math.min((epoch + ofEpoch) / params.epochs, 0.999));
    },
    onEpochEnd(_epoch, logs) {
      for (const [key, value] of Object.entries(logs)) {
        curves[key] ??= [];
        curves[key].push(value);
      }
      kept.set(name, curves);
    },
    onTrainEnd() {
      progress.part(place, 1);
    },
  };
}
