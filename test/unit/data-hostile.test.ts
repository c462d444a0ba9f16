// Sources that send too much, nothing, or break off: loaders read no more than a header promises, and don't wait for ever.

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gunzip, mnist, parseIdx, readIdx } from "../../data/index.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { cpuMs } from "../support/cpu-time.ts";

const header = (...sizes: number[]) =>
  Uint8Array.from([
    0,
    0,
    8,
    sizes.length,
    ...sizes.flatMap((n) => [n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]),
  ]);
const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );

/** 256 MiB of zeros behind a header that promises one byte. */
const bomb = gzipSync(Buffer.concat([header(1), Buffer.alloc(2 ** 28)]), { level: 9 });

describe("gzipped bytes", () => {
  it("are unzipped as far as the header promises", async () => {
    const [host, started] = [process.memoryUsage().rss, cpuMs()];
    const error = await errorOf(parseIdx(bomb, "bomb.gz"));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      "bomb.gz: at byte 8: expected 1 bytes of values, as the header says, found more",
    );
    expect(process.memoryUsage().rss - host).toBeLessThan(96e6);
    expect(cpuMs() - started).toBeLessThan(3000);
  });

  it("are unzipped up to a limit", async () => {
    const host = process.memoryUsage().rss;
    const error = await errorOf(gunzip(bomb, "bomb.gz", 1000));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/^bomb.gz: the gzip stream of \d+ bytes expands to more than 1000 bytes/);
    expect(process.memoryUsage().rss - host).toBeLessThan(96e6);
    expect(await gunzip(gzipSync(Uint8Array.of(1, 2, 3)), "three", 3)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("may promise what they don't hold", async () => {
    const error = await errorOf(parseIdx(gzipSync(header(2 ** 31 - 1, 2 ** 31 - 1)), "promise.gz"));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(
      /promise.gz: at byte 12: expected \d+ bytes .* found 0 bytes \(the file is cut off\)/,
    );
  });
});

describe("what is no Uint8Array", () => {
  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["an ArrayBuffer", new ArrayBuffer(8)],
    ["an array", [0, 0, 8, 1]],
    ["a DataView", new DataView(new ArrayBuffer(8))],
    ["a string", "bytes"],
    ["an Int8Array", new Int8Array(8)],
  ])("is refused: %s", async (_, value) => {
    const bytes = value as Uint8Array;
    for (const error of [await errorOf(parseIdx(bytes)), await errorOf(gunzip(bytes))]) {
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toMatch(/takes the file's bytes as a Uint8Array, got /);
    }
    expect(() => readIdx(bytes)).toThrow(ArgumentError);
    if (value !== undefined)
      expect(await errorOf(mnist.load({ source: value as never }))).toBeInstanceOf(DataError);
  });

  it("names are shown without control characters", () => {
    expect(() => readIdx(Uint8Array.of(1), "\x1b[2Jfile\0")).toThrow("\\x1b[2Jfile\\x00: at byte 0");
  });
});

describe("a server", () => {
  let server: Server;
  let base: string;
  const open = new Set<ServerResponse>();
  /** How many bytes were sent, by the last request. */
  let sent = 0;
  const answers: Record<string, (response: ServerResponse) => void> = {
    silent: (response) => void response.writeHead(200).write(header(10, 2, 2)),
    mute: () => {},
    endless: (response) => {
      sent = 0;
      response.writeHead(200).write(header(10, 2, 2));
      const chunk = Buffer.alloc(2 ** 20);
      const more = () => {
        sent += chunk.length;
        if (!response.destroyed && sent < 2 ** 30) response.write(chunk, () => setImmediate(more));
      };
      more();
    },
    broken: (response) => {
      response.writeHead(200, { "content-length": "1000" }).write(header(10, 2, 2));
      setTimeout(() => response.destroy(), 20);
    },
    bomb: (response) => void response.writeHead(200).end(bomb),
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      open.add(response);
      answers[request.url!.split("/")[1]](response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    for (const response of open) response.destroy();
    server.close();
  });

  it.each([
    ["silent", /-ubyte: nothing came for 200 ms; raise \{ timeout \}/],
    ["mute", /-ubyte: nothing came for 200 ms/],
    ["broken", /-ubyte: (reading broke off \(.*\); get it again|cannot be fetched: )/],
    ["endless", /-ubyte: at byte \d+: expected 40 bytes of values, as the header says, found more/],
    ["bomb", /-ubyte: at byte 8: expected 1 bytes of values, as the header says, found more/],
  ])("that is %s ends in a DataError that names the file", async (path, message) => {
    const host = process.memoryUsage().rss;
    const started = cpuMs();
    const error = await errorOf(
      mnist.load({ source: `${base}/${path}`, timeout: path === "silent" || path === "mute" ? 200 : 60_000 }),
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(message);
    expect(cpuMs() - started).toBeLessThan(5000);
    expect(process.memoryUsage().rss - host).toBeLessThan(128e6);
    expect(sent).toBeLessThan(2 ** 28);
  });

  it("is left when the signal says so, before and while it answers", async () => {
    const controller = new AbortController();
    const loading = errorOf(mnist.load({ source: `${base}/silent`, signal: controller.signal }));
    setTimeout(() => controller.abort(new Error("enough")), 50);
    for (const error of [
      await loading,
      await errorOf(mnist.load({ source: `${base}/mute`, signal: controller.signal })),
    ]) {
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(/-ubyte: reading was aborted$/);
      expect(error.cause).toEqual(new Error("enough"));
    }
  });

  it("that is not there is named, with the reason", async () => {
    const error = await errorOf(mnist.load({ source: "http://127.0.0.1:9/" }));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/^http:\/\/127.0.0.1:9\/.*: cannot be fetched: fetch failed/);
    expect(await errorOf(mnist.load({ timeout: 0 }))).toBeInstanceOf(ArgumentError);
  });
});
