// What became of a CSV file's columns, in a program of either language: the same columns in the same order, so that a net of the
// page takes them.

import type { Column } from "./own-data.ts";
import { commaNumber } from "./rows.ts";
import type { DataSpec } from "./setup.ts";

type Table = NonNullable<DataSpec["table"]>;

const round = (value: number): number => Number(value.toPrecision(7));
const text = (value: string): string => JSON.stringify(value);
const list = (values: readonly string[]): string => `[${values.map(text).join(", ")}]`;

const isText = ({ categories }: Column): boolean => categories !== undefined;
const isNumeric = (column: Column): boolean => !isText(column);

const said = (columns: readonly Column[]): string[] => [
  ...(columns.some(isNumeric) ? ["A number gets mean 0 and deviation 1, and is 0 where it is missing."] : []),
  ...(columns.some(isText)
    ? [
        `A text becomes 0 and 1, one for each category${columns.some(({ categories }) => categories?.[0] === "") ? '; "" is a missing one' : ""}.`,
      ]
    : []),
];

/** What is to be said of columns of numbers with texts among them, where there are such. */
function numbersOf(columns: readonly Column[], say: (names: string) => string): string {
  const names = columns.filter(({ strays }) => strays !== undefined).map(({ name }) => name);
  return names.length === 0 ? "" : say(list(names));
}

export function typescriptTable(
  { file, columns, learnt, csv }: Table,
  classNames: readonly string[],
): string {
  const features = columns.map(({ name, mean, deviation, categories }) =>
    categories === undefined
      ? `  { name: ${text(name)}, mean: ${round(mean)}, deviation: ${round(deviation)} },`
      : `  { name: ${text(name)}, categories: ${list(categories)} },`,
  );
  const [hasText, hasNumbers] = [columns.some(isText), columns.some(isNumeric)];
  const type = [
    "name: string",
    ...(hasNumbers
      ? [hasText ? "mean?: number" : "mean: number", hasText ? "deviation?: number" : "deviation: number"]
      : []),
    ...(hasText ? [hasNumbers ? "categories?: string[]" : "categories: string[]"] : []),
  ];
  const oneHot = "categories.map((kind) => (kind === cell ? 1 : 0))";
  const scaled = hasText ? "(Number(cell) - mean!) / deviation!" : "(Number(cell) - mean) / deviation";
  const number = `cell === "" ? 0 : ${scaled}`;
  const body = !hasText
    ? `[${number}]`
    : !hasNumbers
      ? oneHot
      : `categories?.map((kind) => (kind === cell ? 1 : 0)) ?? [${number}]`;
  const parts = [...(hasNumbers ? ["mean", "deviation"] : []), ...(hasText ? ["categories"] : [])];
  const options = [
    `types: Object.fromEntries(names.map((name) => [name, "string" as const]))`,
    "select: names",
    ...(csv.separator === "," ? [] : [`delimiter: ${text(csv.separator)}`]),
    ...(csv.hasNames ? [] : [`header: ${list(csv.names)}`]),
  ];
  const whole =
    csv.missing === "drop" ? 'names.every((name) => cellOf(name, row) !== "")' : 'cellOf(target, row) !== ""';
  return `// npm install csv-parse
${said(columns)
  .map((line) => `// ${line}\n`)
  .join("")}const features: { ${type.join("; ")} }[] = [
${features.join("\n")}
];
const target = ${text(csv.target)};
const names = [...features.map(({ name }) => name), target];
const { columns, length } = await readCsv(${text(file)}, {
${options.map((option) => `  ${option},\n`).join("")}});
${numbersOf(columns, (names) => `// Texts in them count as missing.\nconst numbers = ${names};\n`)}const cellOf = (name: string, row: number) => {
  const cell = (columns[name] as string[])[row].trim()${
    csv.decimal === ","
      ? `
    // Decimal commas, and points between thousands.
    .replace(${commaNumber}, (number) => number.replaceAll(".", "").replace(",", "."))`
      : ""
  };
  const isMissing = /^(\\?|na|n\\/a|nan|null)$/i.test(cell)${numbersOf(columns, () => " || (numbers.includes(name) && !Number.isFinite(Math.fround(Number(cell))))")};
  return isMissing ? "" : cell;
};
// In another order, as validation takes the last ones.
const rows = Array.from({ length }, (_, row) => row)
  .filter((row) => ${whole})
  .sort(() => Math.random() - 0.5);
const x = rows.map((row) =>
  features.flatMap(({ name, ${parts.join(", ")} }) => {
    const cell = cellOf(name, row);
    return ${body};
  }),
);
${
  learnt === undefined
    ? `const classes = ${list(classNames)};
const y = rows.map((row) => classes.indexOf(cellOf(target, row)));`
    : `// A result times ${round(learnt.deviation)} plus ${round(learnt.mean)} is one in the file's unit.
const y = rows.map((row) => (Number(cellOf(target, row)) - ${round(learnt.mean)}) / ${round(learnt.deviation)});`
}`;
}

export function kerasTable(
  { file, columns, learnt, csv }: Table,
  classNames: readonly string[],
  seed: number,
): string {
  const features = columns.map(({ name, mean, deviation, categories }) =>
    categories === undefined
      ? `    (${text(name)}, ${round(mean)}, ${round(deviation)}),`
      : `    (${text(name)}, ${list(categories)}),`,
  );
  const [hasText, hasNumbers] = [columns.some(isText), columns.some(isNumeric)];
  const reading = [
    text(file),
    "dtype=str",
    "keep_default_na=False",
    "skipinitialspace=True",
    ...(csv.separator === "," ? [] : [`sep=${text(csv.separator)}`]),
    ...(csv.hasNames ? [] : [`header=None`, `names=${list(csv.names)}`]),
  ];
  const subset = csv.missing === "drop" ? "names" : "[target]";
  const number = `    mean, deviation = how\n    return [((pd.to_numeric(cells) - mean) / deviation).fillna(0)]`;
  const body = !hasText
    ? number
    : !hasNumbers
      ? "    return [cells == kind for kind in how[0]]"
      : `    if isinstance(how[0], list):\n        return [cells == kind for kind in how[0]]\n${number}`;
  return `${said(columns)
    .map((line) => `# ${line}\n`)
    .join("")}features = [
${features.join("\n")}
]
target = ${text(csv.target)}
names = [name for name, *_ in features] + [target]
table = pd.read_csv(${reading.join(", ")})[names]
${
  csv.decimal === ","
    ? `# Decimal commas, and points between thousands.
pattern = r"(?i)${commaNumber.source}"
for name in names:
    table[name] = table[name].str.strip().str.replace(pattern, lambda found: found[0].replace(".", "").replace(",", "."), regex=True)
`
    : ""
}table = table.replace(r"(?i)^\\s*(\\?|na|n/a|nan|null)?\\s*$", "", regex=True)
${numbersOf(columns, (names) => `# Texts in columns of numbers count as missing.\nfor name in ${names}:\n    table[name] = table[name].where(pd.to_numeric(table[name], errors="coerce").abs() < 3.4e38, "")\n`)}table = table[(table[${subset}] != "").all(axis=1)].sample(frac=1, random_state=${seed})

def numbers_of(name, *how):
    cells = table[name].str.strip()
${body}

x = np.column_stack([column for feature in features for column in numbers_of(*feature)]).astype("float32")
${
  learnt === undefined
    ? `classes = ${list(classNames)}
y = np.array([classes.index(cell.strip()) for cell in table[target]])`
    : `# A result times ${round(learnt.deviation)} plus ${round(learnt.mean)} is one in the file's unit.
y = (pd.to_numeric(table[target]).to_numpy()[:, None] - ${round(learnt.mean)}) / ${round(learnt.deviation)}`
}`;
}
