// Automatic names, as Keras gives them: the type in snake_case, then a number from the second on.

const counts = new Map<string, number>();

/** "dense", "dense_1", ...: counted for the process, over all models. */
export function autoName(type: string): string {
  const base = type
    .replace(/(.)([A-Z][a-z0-9]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
  const count = counts.get(base) ?? 0;
  counts.set(base, count + 1);
  return count === 0 ? base : `${base}_${count}`;
}

/** Starts all automatic names again ("dense", "sequential", ...), as Keras's `clear_session` does. */
export function resetNames(): void {
  counts.clear();
}
