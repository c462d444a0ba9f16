// In which order an entry's modules are imported. Bundlers lay modules out by it, and gzip looks back 32 KB only: a bundle
// is 2% smaller where like stands beside like, shaders first and then room by room.

import path from "node:path";

/**
 * The modules that `entry` loads, in that order.
 *
 * @param {Record<string, { imports: { path: string, kind: string }[] }>} inputs of a metafile of esbuild's
 * @param {string} entry a key of `inputs`
 * @returns {string[]}
 */
export function inOrder(inputs, entry) {
  const imported = (file) =>
    inputs[file].imports.filter(({ path, kind }) => kind === "import-statement" && path in inputs);
  const loaded = reached(entry, (file) => imported(file).map(({ path }) => path));
  const rooms = new Map();
  for (const file of loaded) rooms.set(path.dirname(file), [...(rooms.get(path.dirname(file)) ?? []), file]);
  const below = (room) =>
    (rooms.get(room) ?? []).flatMap(imported).map(({ path: file }) => path.dirname(file));
  const shaders = loaded.filter((file) => file.endsWith(".wgsl"));
  const inRooms = reached(path.dirname(entry), below).flatMap((room) => rooms.get(room).toSorted());
  return [...new Set([...shaders, ...inRooms])];
}

/** What is reached from `start`, itself included: each after all that it leads to. */
function reached(start, next) {
  const seen = new Set();
  const found = [];
  const visit = (one) => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const other of next(one)) visit(other);
    found.push(one);
  };
  visit(start);
  return found;
}
