// A page is told little of the machine: bundlers take this for machine.ts, by the field "browser" of package.json.

export const availableMemory = (): undefined => undefined;
export const coreCount = (): undefined => undefined;
