// Files of the user's own on their way to the playground: dropped folders, and MNIST's IDX files.

import { describe, expect, it } from "vitest";
import { filesOf } from "../../site/page/dropped.ts";
import { ownImages } from "../../site/worker/own-files.ts";

/** What a browser gives for a dropped folder: it lists it in parts, as Chromium does after a hundred entries. */
function folderEntry(name: string, inside: readonly object[], place = ""): object {
  return {
    isFile: false,
    fullPath: `${place}/${name}`,
    createReader() {
      const parts = [inside.slice(0, 2), inside.slice(2), []];
      return { readEntries: (resolve: (found: readonly object[]) => void) => resolve(parts.shift() ?? []) };
    },
  };
}

const fileEntry = (path: string): object => ({
  isFile: true,
  fullPath: path,
  file: (resolve: (file: File) => void) => resolve(new File([path], path.split("/").at(-1) as string)),
});

const dropped = (items: readonly { entry: object | null; file?: File }[]) =>
  ({
    items: items.map(({ entry, file }) => ({
      webkitGetAsEntry: () => entry,
      getAsFile: () => file ?? null,
    })),
  }) as unknown as DataTransfer;

describe("what is dropped", () => {
  it("is read through folders in folders, each file with its way", async () => {
    const cats = ["a", "b", "c"].map((name) => fileEntry(`/pets/cats/${name}.png`));
    const pets = folderEntry("pets", [
      folderEntry("cats", cats, "/pets"),
      folderEntry("none", [], "/pets"),
      fileEntry("/pets/dog.png"),
    ]);
    const found = await filesOf(
      dropped([{ entry: pets }, { entry: null, file: new File(["x"], "alone.csv") }, { entry: null }]),
    );
    expect(found.map(({ path }) => path).sort()).toEqual([
      "alone.csv",
      "pets/cats/a.png",
      "pets/cats/b.png",
      "pets/cats/c.png",
      "pets/dog.png",
    ]);
    expect(await found.find(({ path }) => path.endsWith("b.png"))?.file.text()).toBe("/pets/cats/b.png");
  });
});

/** A file as MNIST's are: zero, zero, the type of bytes, how many axes, their lengths, the bytes. */
function idx(name: string, shape: readonly number[], values: readonly number[]) {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [i, length] of shape.entries()) view.setUint32(4 + 4 * i, length);
  bytes.set(values, 4 + 4 * shape.length);
  return { path: name, file: new File([bytes], name) };
}

describe("IDX files", () => {
  const form = { side: 32, isGray: false };
  const images = idx(
    "train-images-idx3-ubyte",
    [12, 2, 3],
    Array.from({ length: 72 }, (_, i) => 10 * Math.floor(i / 6) + (i % 6)),
  );
  const labels = idx(
    "train-labels-idx1-ubyte",
    [12],
    Array.from({ length: 12 }, (_, i) => i % 4),
  );

  it("become samples: each image keeps its label, in another order", async () => {
    const { shape, classes, classNames, x, y } = await ownImages([labels, images], form);
    expect({ shape, classes, classNames }).toEqual({
      shape: [2, 3, 1],
      classes: 4,
      classNames: ["0", "1", "2", "3"],
    });
    const numbers = Array.from(y, (label, i) => {
      const image = [...x.slice(6 * i, 6 * i + 6)];
      const number = image[0] / 10;
      expect(image).toEqual([0, 1, 2, 3, 4, 5].map((pixel) => 10 * number + pixel));
      expect(label).toBe(number % 4);
      return number;
    });
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
  });

  it.each([
    ["without their labels", [images], /“idx1” in its name is missing/],
    ["of other numbers", [images, idx("t10k-labels-idx1-ubyte", [3], [0, 1, 2])], /both need as many/],
    ["that are cut", [{ ...images, file: new File([new Uint8Array(9)], "cut") }, labels], /idx3-ubyte/],
  ])("%s are refused", async (_, files, message) => {
    await expect(ownImages(files, form)).rejects.toThrow(message);
  });
});
