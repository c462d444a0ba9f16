// Trees: one value, or several in arrays and plain objects, nested as one likes.

/** One value or several: alone, in arrays, or by name in plain objects. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [name: string]: Tree<T> };

/** Whether a value holds others by name: an object without a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The tree with `fn` of each leaf in the leaf's place; arrays and plain objects are its branches, all else are leaves.
 *
 * @param fn gets the leaf and where it stands: "" for a tree of one, "0", "1/left", ...
 * @param isLeaf what is a leaf though it is an array or a plain object
 */
export function mapTree<T, R>(
  tree: Tree<T>,
  fn: (leaf: T, path: string) => R,
  isLeaf?: (value: unknown) => boolean,
  path = "",
): Tree<R> {
  const below = (key: string | number) => (path === "" ? String(key) : `${path}/${key}`);
  if (isLeaf?.(tree) !== true) {
    if (Array.isArray(tree)) return tree.map((part: Tree<T>, i) => mapTree(part, fn, isLeaf, below(i)));
    if (isPlainObject(tree)) {
      const parts = Object.entries(tree) as [string, Tree<T>][];
      return Object.fromEntries(parts.map(([key, part]) => [key, mapTree(part, fn, isLeaf, below(key))]));
    }
  }
  return fn(tree as T, path);
}

/** The leaves in order. */
export function leavesOf<T>(tree: Tree<T>, isLeaf?: (value: unknown) => boolean): T[] {
  const leaves: T[] = [];
  mapTree(tree, (leaf: T) => leaves.push(leaf), isLeaf);
  return leaves;
}

/** The tree with other leaves, in the order of {@link leavesOf}. */
export function withLeaves<T, R>(
  tree: Tree<T>,
  leaves: readonly R[],
  isLeaf?: (value: unknown) => boolean,
): Tree<R> {
  let next = 0;
  return mapTree(tree, () => leaves[next++], isLeaf);
}
