// What objects were made by: the name of the function of ours and its arguments, so that configs can hold them.

/** A function of one of our tables, and what it was called with. */
export interface Made {
  readonly name: string;
  readonly args: readonly unknown[];
}

const makers = new WeakMap<object, Made>();

/** Notes what an object was made by, and gives the object. Copies that were changed are not noted. */
export function madeBy<T extends object>(name: string, args: readonly unknown[], object: T): T {
  makers.set(object, { name, args });
  return object;
}

/** Undefined for what none of our functions made. */
export const makerOf = (object: object): Made | undefined => makers.get(object);
