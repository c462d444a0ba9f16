// Data of the user's own, as the page, the worker and the browser's files hold them.

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
  /** Of rows: how many lacked a value, where some did. */
  readonly leftOut?: number;
  /** Of a regression: the same of what is learnt. */
  readonly target?: Column;
  /** [count] instead of `x`: they become the numbers of their words. */
  readonly texts?: readonly string[];
}

export interface Column {
  readonly name: string;
  readonly mean: number;
  readonly deviation: number;
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
