// Counts how often a program waits for the GPU: promises that are under way together are one wait, which ends when all are
// done, as on a browser's timer that asks for all of them at once.

interface Wait {
  readonly prototype: object;
  readonly method: string;
}

const waits = (): readonly Wait[] => [
  { prototype: GPUBuffer.prototype, method: "mapAsync" },
  { prototype: GPUQueue.prototype, method: "onSubmittedWorkDone" },
  { prototype: GPUDevice.prototype, method: "popErrorScope" },
  { prototype: GPUDevice.prototype, method: "createComputePipelineAsync" },
];

/** Calls `f`, and resolves with how often it waited; of devices whose classes are global already. */
export async function roundsOf(f: () => Promise<unknown>): Promise<number> {
  let rounds = 0;
  let underWay = 0;
  const done: (() => void)[] = [];
  const deliver = () => {
    if (underWay > 0 || done.length === 0) return;
    rounds++;
    for (const tell of done.splice(0)) tell();
  };
  const undo = waits().map(({ prototype, method }) => {
    const methods = prototype as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const own = methods[method];
    methods[method] = function (this: unknown, ...args) {
      underWay++;
      return new Promise((resolve, reject) => {
        const later = (tell: () => void) => {
          underWay--;
          done.push(tell);
          // What is asked for in this turn belongs to the same wait.
          setTimeout(deliver);
        };
        own.apply(this, args).then(
          (value) => later(() => resolve(value)),
          (error) => later(() => reject(error)),
        );
      });
    };
    return () => {
      methods[method] = own;
    };
  });
  try {
    await f();
  } finally {
    for (const restore of undo) restore();
  }
  return rounds;
}
