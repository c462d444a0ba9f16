// Which tab writes to which kept run: each has its own, so that none writes over what another has learnt.

/** What gives each run back that this tab holds. */
const held = new Map<string, () => void>();

/** A page that is reloaded gives its runs back a moment after the new one begins. */
const tries = 3;
const restMs = 150;

/** Whether the run is this tab's from now on, until it is released or the tab closed; another tab may be at it. */
export async function claimRun(name: string): Promise<boolean> {
  // Where there are no locks, for want of https, no runs are kept either.
  if (navigator.locks === undefined) return true;
  for (let i = 1; i <= tries; i++) {
    if (held.has(name) || (await take(name))) return true;
    if (i < tries) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  return false;
}

const take = (name: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const taken = async (lock: Lock | null) => {
      if (lock !== null) {
        const released = new Promise<void>((release) => held.set(name, release));
        resolve(true);
        await released;
      } else resolve(false);
    };
    navigator.locks.request(`gradgpu-playground:${name}`, { ifAvailable: true }, taken).catch((error) => {
      // A browser that refuses the page its storage refuses locks too: no run is kept that two tabs could write to.
      if (error.name === "SecurityError") resolve(true);
      else reject(error);
    });
  });

export function releaseRun(name: string): void {
  held.get(name)?.();
  held.delete(name);
}

/** This tab trains one run: the others that it was at are free. */
export function holdOnly(name: string): void {
  for (const other of [...held.keys()]) if (other !== name) releaseRun(other);
  if (name !== "") void claimRun(name);
}
