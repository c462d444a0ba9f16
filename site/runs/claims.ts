// Which tab writes to which kept run: each has its own, so that none writes over what another has learnt.

const own = new Set<string>();

/** A page that is reloaded gives its runs back a moment after the new one begins. */
const tries = 3;
const restMs = 150;

/** Whether the run is this tab's from now on, until it is closed; another tab may be at it. */
export async function claimRun(name: string): Promise<boolean> {
  // Where there are no locks, for want of https, no runs are kept either.
  if (own.has(name) || navigator.locks === undefined) return true;
  for (let i = 1; i <= tries; i++) {
    if (await take(name)) return true;
    if (i < tries) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  return false;
}

const take = (name: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const taken = async (lock: Lock | null) => {
      resolve(lock !== null);
      if (lock === null) return;
      own.add(name);
      // Held until the tab is closed.
      await new Promise(() => {});
    };
    navigator.locks.request(`gradgpu-playground:${name}`, { ifAvailable: true }, taken).catch(reject);
  });
