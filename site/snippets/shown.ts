// Values as text, as Node's console writes them: what the docs say that a program prints.

/** Deeper ones and further ones are left out. */
const deepest = 4;
const most = 100;
/** Characters that a list or an object may take in one line. */
const width = 72;

/** What console.log makes of its arguments. */
export const line = (values: readonly unknown[]): string =>
  values.map((value) => (typeof value === "string" ? value : shown(value))).join(" ");

function shown(value: unknown, depth = 0): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return `[Function: ${value.name || "(anonymous)"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Promise) return "Promise { <pending> }";
  if (depth > deepest) return Array.isArray(value) ? "[Array]" : "[Object]";
  if (Array.isArray(value)) return bracketed("", "[", "]", listed(value, value.length, depth), depth);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = value as unknown as ArrayLike<number> & Iterable<number>;
    return bracketed(
      `${value.constructor.name}(${list.length}) `,
      "[",
      "]",
      listed(list, list.length, depth),
      depth,
    );
  }
  if (value instanceof Map) {
    const entry = ([key, each]: readonly [unknown, unknown]) =>
      `${shown(key, depth + 1)} => ${shown(each, depth + 1)}`;
    const items = listed(value, value.size, depth, entry);
    return bracketed(`Map(${value.size}) `, "{", "}", items, depth);
  }
  if (value instanceof Set)
    return bracketed(`Set(${value.size}) `, "{", "}", listed(value, value.size, depth), depth);
  // A tensor, a report, a model: what it says of itself.
  if (typeof value.toString === "function" && value.toString !== Object.prototype.toString)
    return String(value);
  const items = Object.entries(value).map(
    ([key, each]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)}: ${shown(each, depth + 1)}`,
  );
  const name = value.constructor?.name ?? "[Object: null prototype]";
  return bracketed(name === "Object" ? "" : `${name} `, "{", "}", items, depth);
}

/** The first ones: what is printed may be far longer than what is read. */
function listed<T>(
  values: Iterable<T>,
  count: number,
  depth: number,
  textOf = (each: T) => shown(each, depth + 1),
): string[] {
  const items: string[] = [];
  for (const each of values) {
    if (items.length === most) return [...items, `... ${count - most} more items`];
    items.push(textOf(each));
  }
  return items;
}

function bracketed(name: string, open: string, close: string, items: readonly string[], depth: number) {
  if (items.length === 0) return `${name}${open}${close}`;
  const inOneLine = items.join(", ");
  if (inOneLine.length <= width && !inOneLine.includes("\n")) return `${name}${open} ${inOneLine} ${close}`;
  const indent = "  ".repeat(depth + 1);
  return `${name}${open}\n${indent}${items.join(`,\n${indent}`)}\n${"  ".repeat(depth)}${close}`;
}

const quoted = (text: string): string =>
  text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replace(/(['\\])/g, "\\$1")}'`;
