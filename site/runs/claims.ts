// Which tab writes to which kept run: each has its own, so that none writes over what another has learnt.

const own = new Set<string>();

/** A page that is reloaded gives its runs back a moment after the new one begins. */
const patienceMs = 400;

/** Whether the run is this tab's from now on, until it is closed; another tab may be at it. */
export async function claimRun(name: string): Promise<boolean> {
  // Where there are no locks, for want of https, no runs are kept either.
  if (own.has(name) || navigator.locks === undefined) return true;
  return new Promise((resolve) => {
    const held = async () => {
      own.add(name);
      resolve(true);
      await new Promise(() => {});
    };
    const signal = AbortSignal.timeout(patienceMs);
    navigator.locks.request(`gradgpu-playground:${name}`, { signal }, held).catch(() => resolve(false));
  });
}
