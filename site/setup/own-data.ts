// Data of the user's own, as the page, the worker and the browser's files hold them.

/** What stands in a number between its whole part and its fraction. */
export type DecimalMark = "." | ",";

/** Samples of the user's own. Point sets and the site's samples of images the worker makes and fetches itself. */
export interface OwnData {
  /** Of the file, or how many images there are. */
  readonly name: string;
  readonly task: "binary" | "classes" | "regression";
  readonly classes: number;
  /** In the order of their numbers; none of a regression. */
  readonly classNames: readonly string[];
  /** Of one sample. */
  readonly shape: readonly number[];
  /** [count, ...shape]: numbers, or bytes of images. */
  readonly x: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  /** [count] */
  readonly y: Float32Array<ArrayBuffer>;
  /** Of rows: what each column was before it got mean 0 and deviation 1. */
  readonly columns?: readonly Column[];
  /** Of rows: how many were left out because a value is missing, where some were. */
  readonly leftOut?: number;
  /** Of rows: how their file was read. */
  readonly csv?: CsvNotes;
  /** Of a regression: the same of what is learnt. */
  readonly target?: Column;
  /** [count] instead of `x`: they become the numbers of their words. */
  readonly texts?: readonly string[];
}

/** A column of a CSV file as the net gets it: one number, or 0 and 1 for each category. */
export interface Column {
  readonly name: string;
  /** Of numbers; a missing one counts as the mean. 0 of categories. */
  readonly mean: number;
  /** Of numbers; 1 of categories. */
  readonly deviation: number;
  /** Of a column of texts, in order; an empty one stands for a missing cell. */
  readonly categories?: readonly string[];
  /** Cells that were missing, where some were; texts among numbers are that too. */
  readonly missing?: number;
  /** Texts among the numbers, where there were some. */
  readonly strays?: Strays;
}

export interface Strays {
  readonly count: number;
  /** The first of them in the file, and its line. */
  readonly example: string;
  readonly line: number;
}

/** How many numbers the net gets of a column. */
export const widthOf = ({ categories }: Column): number => categories?.length ?? 1;

export type MissingCells = "fill" | "drop";

/** What a column of whole numbers is learnt as; `auto`: as classes where it has few of them. */
export type LearntAs = "auto" | "classes" | "number";

/** What is wished of a CSV file. */
export interface CsvForm {
  /** Name of the column that is to be learnt; empty, or of none: the last one that can be. */
  readonly target: string;
  /** Whether a row that lacks a value is filled in or left out. */
  readonly missing: MissingCells;
  /** Of a column that may be both. */
  readonly learntAs: LearntAs;
}

export interface CsvNotes extends CsvForm {
  readonly separator: string;
  readonly decimal: DecimalMark;
  /** Whether what is learnt may be classes as well as a number. */
  readonly mayBeBoth: boolean;
  /** Whether the file's first row names the columns. */
  readonly hasNames: boolean;
  /** All of the file's, in its order. */
  readonly names: readonly string[];
  /** Columns that the net does not get. */
  readonly unused: readonly { readonly name: string; readonly why: string }[];
}

/** A file that the user gave, with the folders that it lay in. */
export interface GivenFile {
  readonly path: string;
  readonly file: File;
}

/** What images become: squares of so many pixels, grey or coloured. */
export interface ImageForm {
  readonly side: number;
  readonly isGray: boolean;
}

/** How files of the user's own are read, whichever kind they are. */
export interface OwnForm extends ImageForm, CsvForm {}
