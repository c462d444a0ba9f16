// Names of layers that got none: the type in snake_case, as Keras writes it.

/** "dense" of "Dense", "conv2d_transpose" of "Conv2DTranspose". */
export function baseName(type: string): string {
  return type
    .replace(/(.)([A-Z][a-z0-9]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** The base with the first number that is free: "dense", "dense_1", ... The name is taken then. */
export function freeName(base: string, taken: Set<string>): string {
  let name = base;
  for (let count = 1; taken.has(name); count++) name = `${base}_${count}`;
  taken.add(name);
  return name;
}
