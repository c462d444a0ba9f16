// The user's own images as samples: PNG and JPEG files by class, or files of the MNIST family (IDX). Loaded when they come.

import { type ImageSource, imageFolder, parseIdx } from "gradgpu/data";
import type { GivenFile, ImageForm, OwnData } from "../setup/own-data.ts";

const mostFiles = 20_000;
/** Bytes of all samples together, as they are kept and trained on. */
const mostBytes = 200e6;
const mostClasses = 100;

/**
 * @param signal ends it
 * @throws Error that says which file is wrong, and what to choose
 */
export async function ownImages(
  files: readonly GivenFile[],
  form: ImageForm,
  signal?: AbortSignal,
): Promise<OwnData> {
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  if (files.length > mostFiles || size > 10 * mostBytes)
    throw new Error(
      `${files.length} files with ${Math.round(size / 1e6)} MB: the page takes up to ${mostFiles}, of ${(10 * mostBytes) / 1e6} MB. Choose fewer.`,
    );
  const idx = files.filter(({ path }) => /idx[13]-ubyte(\.gz)?$/.test(path));
  return shuffled(await (idx.length > 0 ? fromIdx(idx) : fromImages(files, form, signal)));
}

async function fromIdx(files: readonly GivenFile[]): Promise<OwnData> {
  const read = async (kind: string) => {
    const given = files.find(({ path }) => path.includes(kind));
    if (given === undefined)
      throw new Error(
        `Images and labels go together: choose train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz) at once; one with “${kind}” in its name is missing.`,
      );
    return parseIdx(new Uint8Array(await given.file.arrayBuffer()), given.path);
  };
  const [images, labels] = [await read("idx3"), await read("idx1")];
  const [count, height, width] = images.shape;
  const isPair =
    images.values instanceof Uint8Array && images.shape.length === 3 && labels.shape[0] === count;
  if (!isPair)
    throw new Error(
      `The files hold images [${images.shape.join(", ")}] and labels [${labels.shape.join(", ")}]; both need as many, and images one byte a pixel.`,
    );
  const y = Float32Array.from(labels.values);
  const classes = y.reduce((most, label) => Math.max(most, label), 0) + 1;
  return checked({
    name: "IDX files",
    task: "classes",
    classes,
    classNames: Array.from({ length: classes }, (_, i) => String(i)),
    shape: [height, width, 1],
    x: images.values as Uint8Array<ArrayBuffer>,
    y,
  });
}

async function fromImages(
  given: readonly GivenFile[],
  { side, isGray }: ImageForm,
  signal: AbortSignal | undefined,
): Promise<OwnData> {
  const groups = new Map<string, GivenFile[]>();
  for (const one of given) {
    if (!/\.(png|jpe?g)$/i.test(one.path)) continue;
    const name = classOf(one.path);
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  if (groups.size < 2 || groups.size > mostClasses)
    throw new Error(
      `${given.length} files make ${groups.size} classes of PNG or JPEG images; 2 to ${mostClasses} are wanted. Put the images of a class into a folder of its name, or begin their names with it, as cat_1.png.`,
    );
  const folder = await imageFolder(folderOf("images", groups), {
    size: [side, side],
    colorMode: isGray ? "grayscale" : "rgb",
    cropToAspectRatio: true,
    ...(signal === undefined ? {} : { signal }),
  });
  const { images, labels } = await folder.load();
  return checked({
    name: `${folder.length} images`,
    task: "classes",
    classes: folder.classes.length,
    classNames: [...folder.classes],
    shape: [...folder.shape],
    x: images as Uint8Array<ArrayBuffer>,
    y: Float32Array.from(labels),
  });
}

/**
 * One image as the net's samples are: [height, width, channels], bytes.
 *
 * @throws Error where the file is no image
 */
export async function oneImage(
  file: File,
  [height, width, channels]: readonly number[],
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await imageFolder(folderOf("image", new Map([["one", [{ path: file.name, file }]]])), {
    size: [height, width],
    colorMode: channels === 1 ? "grayscale" : "rgb",
    cropToAspectRatio: true,
  });
  const { images } = await folder.load();
  return Uint8Array.from(images);
}

/** The folder that a file lies in, or what its name begins with: cat_1.png, "cat (2).png". */
function classOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length > 1) return parts[parts.length - 2];
  return /^\p{L}+/u.exec(parts[0] ?? "")?.[0] ?? "";
}

/** As a page's own handle of a folder would give them. */
function folderOf(name: string, groups: ReadonlyMap<string, readonly GivenFile[]>): ImageSource {
  const inside = (files: readonly GivenFile[]) =>
    async function* () {
      for (const [i, { path, file }] of files.entries()) {
        const last = path.split("/").at(-1) as string;
        // Folders in folders may hold files of one name.
        yield { kind: "file" as const, name: `${i} ${last}`, getFile: async () => file };
      }
    };
  return {
    kind: "directory",
    name,
    values: async function* () {
      for (const [group, files] of groups)
        yield { kind: "directory" as const, name: group, values: inside(files) };
    },
  };
}

function checked(own: OwnData): OwnData {
  if (own.y.length < 10) throw new Error(`There are ${own.y.length} images; 10 are the least.`);
  if (own.x.byteLength > mostBytes)
    throw new Error(
      `The images would take ${Math.round(own.x.byteLength / 1e6)} MB; the page takes up to ${mostBytes / 1e6}. Choose fewer, or make them smaller.`,
    );
  return own;
}

/** Files come in the order of their classes. */
function shuffled(own: OwnData): OwnData {
  const { x, y } = own;
  const width = x.length / y.length;
  let state = 1;
  for (let i = y.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [y[i], y[j]] = [y[j], y[i]];
    const row = x.slice(i * width, (i + 1) * width);
    x.copyWithin(i * width, j * width, (j + 1) * width);
    x.set(row, j * width);
  }
  return own;
}
