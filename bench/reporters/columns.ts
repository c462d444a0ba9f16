// Lays text out for a terminal: columns under titles, made to fit a width, and paragraphs.

export interface Column {
  /** A line break in it is one in the head of the table. */
  title: string;
  /** What it is called where it is left out; default: its title in one line. */
  name?: string;
  align: "left" | "right";
  cells: string[];
  /** Where room is short, columns are left out by it, the highest first; one without it stays. */
  spare?: number;
  /** The least characters that its cells may be shortened to, where room is short. */
  least?: number;
}

const gap = 2;

/** Without its middle where it is too long: what tells names apart stands at both ends. */
export function cutInside(name: string, most: number): string {
  if (name.length <= most) return name;
  const end = Math.ceil((most - 1) / 2);
  return `${name.slice(0, most - 1 - end)}…${name.slice(-end)}`;
}

const titleLines = ({ title }: Column) => title.split("\n");

const widthOf = (column: Column) =>
  [...titleLines(column), ...column.cells].reduce((widest, { length }) => Math.max(widest, length), 0);

/** What `columns` take side by side, the shortest that they can be. */
const leastWidth = (columns: readonly Column[]) =>
  columns.reduce(
    (sum, each) => sum + gap + Math.min(widthOf(each), each.least ?? Number.POSITIVE_INFINITY),
    -gap,
  );

/** The columns that fit a width, and the titles of those that were left out for it. */
export function fitColumns(
  columns: readonly Column[],
  width = Number.POSITIVE_INFINITY,
): { columns: Column[]; leftOut: string[] } {
  let kept = [...columns];
  const leftOut: string[] = [];
  while (leastWidth(kept) > width) {
    const [most] = kept.filter(({ spare }) => spare !== undefined).sort((a, b) => b.spare! - a.spare!);
    if (most === undefined) break;
    kept = kept.filter((column) => column !== most);
    leftOut.push(most.name ?? most.title.replace("-\n", "-").replace("\n", " "));
  }
  let over = kept.reduce((sum, column) => sum + gap + widthOf(column), -gap) - width;
  kept = kept.map((column) => {
    if (column.least === undefined || over <= 0) return column;
    const was = widthOf(column);
    const now = Math.min(was, Math.max(column.least, was - over));
    over -= was - now;
    return { ...column, cells: column.cells.map((cell) => cutInside(cell, now)) };
  });
  return { columns: kept, leftOut };
}

/** Columns under their titles, each as wide as its widest cell; what is left out for the width stands below. */
export function layOut(all: readonly Column[], width?: number): string {
  const { columns, leftOut } = fitColumns(all, width);
  const widths = columns.map(widthOf);
  const pad = (text: string, i: number) =>
    columns[i].align === "left" ? text.padEnd(widths[i]) : text.padStart(widths[i]);
  const join = (cells: readonly string[]) => cells.map(pad).join(" ".repeat(gap)).trimEnd();
  const heads = columns.map(titleLines);
  const depth = Math.max(...heads.map(({ length }) => length));
  const lines = Array.from({ length: depth }, (_, line) =>
    // Short titles stand on the line.
    join(heads.map((head) => head[line - depth + head.length] ?? "")),
  );
  lines.push(widths.map((each) => "-".repeat(each)).join(" ".repeat(gap)));
  for (let i = 0; i < columns[0].cells.length; i++) lines.push(join(columns.map(({ cells }) => cells[i])));
  if (leftOut.length > 0)
    lines.push(
      wrap(`left out to fit ${width} columns: ${leftOut.join(", ")} (--json and --html hold all)`, width),
    );
  return lines.join("\n");
}

/** The text in lines no longer than a width; its own line breaks stay. */
export function wrap(text: string, width = Number.POSITIVE_INFINITY): string {
  return text
    .split("\n")
    .map((line) => {
      const lines: string[] = [];
      for (const word of line.split(" ")) {
        const last = lines.at(-1);
        if (last !== undefined && last.length + 1 + word.length <= width)
          lines[lines.length - 1] = `${last} ${word}`;
        else lines.push(word);
      }
      return lines.join("\n");
    })
    .join("\n");
}

/** "1 row", "2 rows". */
export const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
