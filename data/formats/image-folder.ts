// Folders of images by class: listed at once, decoded when they are asked for, one by one or all into one array.

import {
  ArgumentError,
  checkOptions,
  DataError,
  kindOf,
  type OptionNames,
  printable,
  unknownName,
} from "../../engine/base/errors.ts";
import { atLeastOne } from "../../engine/internal.ts";
import type { Waiting } from "../sources/bytes.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { decodeImage, type ImageForm } from "./image-decoder.ts";
import { type ImageFile, type ImageSource, imageFiles } from "./image-files.ts";

export interface ImageFolderOptions extends ReadOptions {
  /** Height and width that all images are resized to. */
  size: readonly [height: number, width: number];
  /** "rgb" (default), three bytes a pixel, or "grayscale", one. */
  colorMode?: "rgb" | "grayscale";
  /** Whether images of another form are cut to that of `size`, in place of stretched; default false. */
  cropToAspectRatio?: boolean;
  /** The folders that are classes, in the order of their labels; default all, sorted by name. */
  classes?: readonly string[];
  /** The most images; default 1,000,000. */
  maxFiles?: number;
  /** The most bytes that a file may have; default 64 MiB. */
  maxBytes?: number;
  /** The most pixels that a file may have; default 2^26, 8192 x 8192. */
  maxPixels?: number;
}

const folderOptions: OptionNames<ImageFolderOptions> = {
  ...readOptions,
  size: true,
  colorMode: true,
  cropToAspectRatio: true,
  classes: true,
  maxFiles: true,
  maxBytes: true,
  maxPixels: true,
};

export interface LabelledImage {
  /** Bytes row by row, of the folder's `shape`. */
  readonly image: Uint8Array;
  readonly label: number;
}

/** The images of a folder, each decoded when it is read. Iterating over it gives one after the other. */
export interface ImageFolder extends AsyncIterable<LabelledImage> {
  /** The names of the classes, by label. */
  readonly classes: readonly string[];
  /** The files by their paths from the folder on, sorted by class and name. */
  readonly files: readonly string[];
  /** The class of each file. */
  readonly labels: Int32Array;
  /** Of one image: height, width and 3 channels, or 1. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** How many images there are. */
  readonly length: number;
  /** One image's bytes, by its place in `files`. @throws DataError where the file is damaged */
  read(index: number): Promise<Uint8Array>;
  /** All images in one array of bytes. @throws DataError where a file is damaged, or they don't fit into 2 GiB */
  load(): Promise<{ images: Uint8Array; labels: Int32Array; shape: [number, number, number, number] }>;
}

/** So many images are decoded at once. */
const atOnce = 8;
const mostBytesOfAll = 2 ** 31;

/**
 * The images below a folder that has a folder for each class, as Keras's `image_dataset_from_directory` takes it: PNG and
 * JPEG files, labelled by the sorted names of the folders. Node needs the npm package `sharp`.
 *
 * ```js
 * const folder = await imageFolder("flowers", { size: [64, 64] });
 * const { images, labels, shape } = await folder.load();       // all at once
 * for await (const { image, label } of folder) { ... }         // or one by one
 * ```
 *
 * @param source a path (Node); in pages a FileList of `<input type="file" webkitdirectory>`, or a directory's handle
 * @throws DataError where there is no such folder, or it has no images by class
 */
export async function imageFolder(source: ImageSource, options: ImageFolderOptions): Promise<ImageFolder> {
  checkOptions("imageFolder", options, folderOptions);
  const form = formOf(options);
  const waiting = waitingOf("imageFolder", options);
  const mostFiles = limitOf("imageFolder", "maxFiles", options.maxFiles ?? 1_000_000);
  const mostBytes = limitOf("imageFolder", "maxBytes", options.maxBytes ?? 2 ** 26);
  const found = await imageFiles(source, waiting, mostFiles);
  const classes = options.classes ?? [...new Set(found.map(classOf))].sort();
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const files = found.filter((file) => labelOf.has(classOf(file))).sort((a, b) => (a.name < b.name ? -1 : 1));
  // By class first: with classes in another order than their names', files are in that order, too.
  files.sort((a, b) => labelOf.get(classOf(a))! - labelOf.get(classOf(b))!);
  const where = typeof source === "string" || source instanceof URL ? String(source) : "the folder";
  for (const name of classes) {
    if (!files.some((file) => classOf(file) === name))
      throw new DataError(`${printable(where)}: has no PNG or JPEG files in a folder "${printable(name)}"`);
  }
  if (files.length === 0) {
    throw new DataError(
      `${printable(where)}: has no PNG or JPEG files in folders; put the images of each class into a folder of its name`,
    );
  }
  return new Folder(
    classes,
    files,
    Int32Array.from(files, (file) => labelOf.get(classOf(file))!),
    form,
    waiting,
    mostBytes,
  );
}

const classOf = ({ name }: ImageFile): string => name.slice(0, name.indexOf("/"));

function formOf(options: ImageFolderOptions | undefined): ImageForm {
  const { size, colorMode = "rgb", cropToAspectRatio = false, maxPixels = 2 ** 26, classes } = options ?? {};
  if (!Array.isArray(size) || size.length !== 2)
    throw new ArgumentError(`imageFolder: { size: [height, width] } must be given, got ${kindOf(size)}`);
  for (const side of size) atLeastOne("imageFolder", "height and width", side);
  if (colorMode !== "rgb" && colorMode !== "grayscale")
    throw unknownName("colorMode of imageFolder", String(colorMode), ["rgb", "grayscale"]);
  if (classes !== undefined && (!Array.isArray(classes) || new Set(classes).size !== classes.length))
    throw new ArgumentError("imageFolder: classes must be an array of different names of folders");
  return {
    height: size[0],
    width: size[1],
    isGray: colorMode === "grayscale",
    isCropped: cropToAspectRatio,
    mostPixels: limitOf("imageFolder", "maxPixels", maxPixels),
  };
}

class Folder implements ImageFolder {
  readonly shape: readonly [number, number, number];
  readonly files: readonly string[];
  readonly length: number;

  constructor(
    readonly classes: readonly string[],
    readonly found: readonly ImageFile[],
    readonly labels: Int32Array,
    readonly form: ImageForm,
    readonly waiting: Waiting,
    readonly mostBytes: number,
  ) {
    this.shape = [form.height, form.width, form.isGray ? 1 : 3];
    this.files = found.map(({ name }) => name);
    this.length = found.length;
  }

  async read(index: number): Promise<Uint8Array> {
    const file = this.found[index];
    if (file === undefined)
      throw new ArgumentError(`imageFolder: there is no image ${index}; there are ${this.length}`);
    const bytes = await file.read(this.waiting, this.mostBytes);
    if (this.waiting.signal?.aborted)
      throw new DataError(`${printable(file.name)}: reading was aborted`, {
        cause: this.waiting.signal.reason,
      });
    return decodeImage(file.name, bytes, this.form);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LabelledImage, void> {
    const coming: Promise<Uint8Array>[] = [];
    for (let next = 0, index = 0; index < this.length; index++) {
      for (; next < Math.min(index + atOnce, this.length); next++) {
        const image = this.read(next);
        // Whoever leaves early waits for none of these.
        image.catch(() => {});
        coming.push(image);
      }
      yield { image: (await coming.shift()) as Uint8Array, label: this.labels[index] };
    }
  }

  async load() {
    const [height, width, channels] = this.shape;
    const each = height * width * channels;
    if (this.length * each > mostBytesOfAll) {
      throw new DataError(
        `imageFolder: ${this.length} images of ${each} bytes don't fit into ${mostBytesOfAll} bytes; read them one by one: for await (const { image, label } of folder)`,
      );
    }
    const images = new Uint8Array(this.length * each);
    let index = 0;
    for await (const { image } of this) images.set(image, each * index++);
    const shape: [number, number, number, number] = [this.length, height, width, channels];
    return { images, labels: this.labels, shape };
  }
}
