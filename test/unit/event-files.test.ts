// Event files: checksums by RFC 3720's vectors, what is written as an independent reader finds it, and files that end
// anywhere.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { inflateSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DataError, dispose, init, ShapeError, tensor } from "../../engine/index.ts";
import {
  Add,
  createFileWriter,
  Dense,
  type EventWriter,
  input,
  Lambda,
  LogDownload,
  Model,
  readEvents,
  Sequential,
} from "../../nn/index.ts";
import { crc32c, maskedCrc32c } from "../../nn/logs/crc32c.ts";
import { readRecords, record } from "../../nn/logs/records.ts";
import "../../nn/names.ts";
import { decoded, eventFilesIn, eventsIn, maskedCrc, summariesIn } from "../support/event-reader.ts";

const bytes = (length: number, at: (i: number) => number) => Uint8Array.from({ length }, (_, i) => at(i));

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4; the last is the check value of the polynomial's catalogue entry.
  const command =
    "01c00000000000000000000000000000140000000000040000000014000000182800000000000000" + "0200000000000000";
  it.each([
    ["32 zeros", bytes(32, () => 0), 0x8a9136aa],
    ["32 times 0xff", bytes(32, () => 0xff), 0x62a8ab43],
    ["0 to 31", bytes(32, (i) => i), 0x46dd794e],
    ["31 to 0", bytes(32, (i) => 31 - i), 0x113fdb5c],
    ["an iSCSI read command", Uint8Array.from(Buffer.from(command, "hex")), 0xd9963a56],
    ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ])("of %s", (_, data, wanted) => {
    expect(crc32c(data)).toBe(wanted);
    expect(maskedCrc32c(data)).toBe(maskedCrc(data));
  });
});

describe("records", () => {
  const whole = Uint8Array.from([
    ...record(bytes(5, (i) => i)),
    ...record(bytes(0, () => 0)),
    ...record(bytes(300, (i) => i & 255)),
  ]);

  it("read up to the last whole one, wherever the file ends", () => {
    const ends = [0, 21, 37, 37 + 316];
    expect(whole).toHaveLength(ends[3]);
    for (let length = 0; length <= whole.length; length++) {
      const { records, used, ending } = readRecords(whole.subarray(0, length));
      const count = ends.filter((end) => end <= length).length - 1;
      expect(records).toHaveLength(count);
      expect(used).toBe(ends[count]);
      expect(ending).toBe(ends.includes(length) ? "whole" : "cut");
    }
  });

  it("end at a byte that was changed", () => {
    for (const at of [0, 8, 12, 17, 21, 40, 100, 352]) {
      const broken = Uint8Array.from(whole);
      broken[at] ^= 4;
      const { records, ending } = readRecords(broken);
      expect(records.length).toBe([21, 37, 400].findIndex((end) => at < end));
      expect(ending).toBe("damaged");
    }
  });
});

describe("an event writer", () => {
  let folder: string;
  let writer: EventWriter;
  beforeAll(() => init({ device: "cpu", seed: 1 }));
  afterAll(dispose);
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-events-"));
    writer = createFileWriter(folder);
  });
  afterEach(async () => {
    await writer.close().catch(() => {});
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const events = () => eventsIn(fs.readFileSync(writer.path));
  const summaries = () => summariesIn(events());

  it("makes a file by TensorBoard's name, which begins with the version", async () => {
    await writer.flush();
    expect(path.basename(writer.path)).toMatch(/^events\.out\.tfevents\.\d{10}\.[\w-]+\.\d+\.\d+\.v2$/);
    const [first, ...rest] = events();
    expect(first.file_version).toBe("brain.Event:2");
    expect(Math.abs(first.wall_time - Date.now() / 1000)).toBeLessThan(60);
    expect(rest).toEqual([]);
  });

  it("writes scalars, which are in the file when the call resolves", async () => {
    await writer.scalar("loss", 0.1, 0);
    expect(summaries()).toHaveLength(1);
    await writer.scalar("loss", tensor([-2.5]), 2 ** 40, { description: "**mean**" });
    await writer.scalar("größe", Number.NaN, 7);
    const [a, b, c] = summaries();
    expect(a).toMatchObject({ tag: "loss", step: 0, plugin: "scalars", dataClass: "DATA_CLASS_SCALAR" });
    expect(a.tensor).toMatchObject({ dtype: "DT_FLOAT", tensor_shape: { dim: [] } });
    expect(a.tensor.float_val).toEqual([Math.fround(0.1)]);
    expect(b).toMatchObject({ step: 2 ** 40, description: "**mean**", tensor: { float_val: [-2.5] } });
    expect(c).toMatchObject({ tag: "größe", tensor: { float_val: [Number.NaN] } });
  });

  it("writes histograms as TensorBoard counts them", async () => {
    const values = [0, 0.12, 0.19, 0.55, 0.95, 1, 1, Number.NaN, Number.POSITIVE_INFINITY];
    await writer.histogram("list", values, 1, { buckets: 10 });
    await writer.histogram("tensor", tensor(values), 1, { buckets: 10 });
    await writer.histogram("one value", tensor([2, 2, 2]), 1, { buckets: 3 });
    await writer.histogram("nothing", tensor([], { shape: [0] }), 1, { buckets: 2 });
    await writer.histogram("no number", [Number.NaN], 1, { buckets: 2 });
    const rows = summaries().map(({ plugin, dataClass, tensor: found }) => {
      expect([plugin, dataClass, found.dtype]).toEqual(["histograms", "DATA_CLASS_TENSOR", "DT_DOUBLE"]);
      const numbers = new Float64Array(Uint8Array.from(found.tensor_content).buffer);
      const [rows, columns] = found.tensor_shape.dim.map(({ size }: { size: number }) => size);
      expect(columns).toBe(3);
      return Array.from({ length: rows }, (_, i) => Array.from(numbers.subarray(3 * i, 3 * i + 3)));
    });
    // numpy.histogram of the finite ones, with 10 bins.
    for (const found of rows.slice(0, 2)) {
      expect(found.map(([, , count]) => count)).toEqual([1, 2, 0, 0, 0, 1, 0, 0, 0, 3]);
      expect(found[0][0]).toBe(0);
      expect(found[9][1]).toBe(1);
      found.forEach(([left, right], i) => {
        expect(left).toBeCloseTo(i / 10, 12);
        expect(right).toBeCloseTo((i + 1) / 10, 12);
      });
    }
    expect(rows[2]).toEqual([
      [2, 2, 0],
      [2, 2, 0],
      [2, 2, 3],
    ]);
    expect(rows[3]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(rows[4]).toEqual(rows[3]);
  });

  it("writes images as PNG", async () => {
    const grey = tensor([
      [
        [[0], [0.5]],
        [[2], [-1]],
      ],
    ]);
    await writer.image("grey", grey, 3);
    const colours = bytes(2 * 3 * 3, (i) => 14 * i);
    await writer.image("colours", { data: colours, width: 2, height: 3 }, 3);
    await writer.image(
      "many",
      tensor(
        bytes(4 * 2 * 2, (i) => i),
        { shape: [4, 2, 2, 1], dtype: "u8" },
      ),
      3,
      { maxOutputs: 2 },
    );
    const [a, b, c] = summaries();
    expect(a).toMatchObject({ plugin: "images", dataClass: "DATA_CLASS_BLOB_SEQUENCE" });
    expect(pngIn(a)).toEqual([
      {
        width: 2,
        height: 2,
        colourType: 0,
        rows: [
          [0, 128],
          [255, 0],
        ],
      },
    ]);
    expect(pngIn(b)[0]).toMatchObject({ width: 2, height: 3, colourType: 2 });
    expect(pngIn(b)[0].rows.flat()).toEqual([...colours]);
    expect(pngIn(c).map(({ rows }) => rows)).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [
        [4, 5],
        [6, 7],
      ],
    ]);
  });

  it("writes texts, lists and tables", async () => {
    await writer.text("note", "**why** <script>", 0);
    await writer.text("list", ["a", "b"], 1);
    await writer.text(
      "table",
      [
        ["a", "b", "c"],
        ["1", "2", "3"],
      ],
      2,
    );
    const found = summaries().map(({ plugin, tensor: { dtype, string_val, tensor_shape } }) => [
      plugin,
      dtype,
      string_val.map((text: Uint8Array) => Buffer.from(text).toString()),
      tensor_shape.dim.map(({ size }: { size: number }) => size),
    ]);
    expect(found).toEqual([
      ["text", "DT_STRING", ["**why** <script>"], []],
      ["text", "DT_STRING", ["a", "b"], [2]],
      ["text", "DT_STRING", ["a", "b", "c", "1", "2", "3"], [2, 3]],
    ]);
  });

  it("writes hyper-parameters for the hparams plugin", async () => {
    await writer.hparams(
      { learningRate: 1e-3, optimizer: "nadam", batchNorm: true, dropout: 0, shuffled: false },
      { metrics: ["epoch_loss", { tag: "epoch_loss", group: "validation" }], trialId: "first" },
    );
    await writer.hparamsEnd();
    const [experiment, start, end] = summaries().map(({ tag, plugin, content, tensor: { dtype } }) => {
      expect([plugin, dtype]).toEqual(["hparams", "DT_FLOAT"]);
      return { tag, ...decoded("HParamsPluginData", content) };
    });
    expect(experiment.tag).toBe("_hparams_/experiment");
    expect(experiment.experiment.hparam_infos).toEqual([
      { name: "batchNorm", type: "DATA_TYPE_BOOL" },
      { name: "dropout", type: "DATA_TYPE_FLOAT64" },
      { name: "learningRate", type: "DATA_TYPE_FLOAT64" },
      { name: "optimizer", type: "DATA_TYPE_STRING" },
      { name: "shuffled", type: "DATA_TYPE_BOOL" },
    ]);
    expect(experiment.experiment.metric_infos).toEqual([
      { name: { group: "", tag: "epoch_loss" } },
      { name: { group: "validation", tag: "epoch_loss" } },
    ]);
    expect(start).toMatchObject({
      tag: "_hparams_/session_start_info",
      session_start_info: { group_name: "first" },
    });
    expect(start.session_start_info.hparams).toMatchObject({
      learningRate: { number_value: 1e-3 },
      optimizer: { string_value: "nadam" },
      batchNorm: { bool_value: true },
      dropout: { number_value: 0 },
      shuffled: { bool_value: false },
    });
    expect(end).toMatchObject({
      tag: "_hparams_/session_end_info",
      session_end_info: { status: "STATUS_SUCCESS" },
    });
  });

  it("writes a model's graph: branches, models in models, shared layers", async () => {
    const x = input([4], { name: "x" });
    const shared = new Dense(3, { activation: "relu", name: "shared" });
    const inner = new Sequential([new Dense(3, { inputDim: 3 }), new Dense(3)], { name: "inner" });
    const [a, b] = [shared.call(x), shared.call(x)];
    const sum = new Add().call([inner.call(a), b]);
    const model = new Model(x, new Lambda((y) => y, { name: "as is" }).call(sum), { name: "net" });
    await writer.graph(model);
    const graph = decoded("GraphDef", events().at(-1).graph_def);
    expect(
      graph.node.map(({ name, op, input: from }: { name: string; op: string; input: string[] }) => [
        name,
        op,
        from,
      ]),
    ).toEqual([
      ["net/x", "InputLayer", []],
      ["net/shared", "Dense", ["net/x"]],
      ["net/shared_call_1", "Dense", ["net/x"]],
      ["net/inner/dense", "Dense", ["net/shared"]],
      ["net/inner/dense_1", "Dense", ["net/inner/dense"]],
      ["net/add", "Add", ["net/inner/dense_1", "net/shared_call_1"]],
      ["net/as is", "Lambda", ["net/add"]],
    ]);
    const { attr } = graph.node[1];
    expect(attr._output_shapes.list.shape[0].dim.map(({ size }: { size: number }) => size)).toEqual([-1, 3]);
    expect(attr.parameters.i).toBe(15);
    expect(Buffer.from(attr.keras_class.s).toString()).toBe("Dense");
    expect(JSON.parse(Buffer.from(attr.config.s).toString())).toMatchObject({ units: 3, activation: "relu" });
    expect(graph.node[6].attr.config).toBeUndefined();
  });

  it("keeps files of one moment and one folder apart", async () => {
    const others = [
      createFileWriter(folder, { folder: "train" }),
      createFileWriter(folder, { folder: "train" }),
    ];
    await Promise.all([...others, writer].map((one) => one.close()));
    const files = eventFilesIn(folder);
    expect([...files.keys()].sort()).toEqual([".", "train"]);
    expect(files.get("train")).toHaveLength(2);
  });

  it("says what can't be written, and throws at flush what nobody awaited", async () => {
    const file = path.join(folder, "file");
    fs.writeFileSync(file, "");
    const blocked = createFileWriter(file);
    void blocked.scalar("loss", 1, 0);
    await expect(blocked.flush()).rejects.toThrow(DataError);
    await expect(blocked.scalar("loss", 1, 1)).rejects.toThrow(
      /can't write .*file.events\.out.*; a file stands where a folder is wanted; give another one$/,
    );
    await expect(blocked.close()).rejects.toThrow(DataError);
    expect(() => createFileWriter(3 as never)).toThrow(
      "the folder must be a path, a FileSystemDirectoryHandle or a LogDownload, got the number 3",
    );
  });

  it("refuses what no plugin shows", async () => {
    expect(() => writer.scalar("", 1, 0)).toThrow(/the tag must be a string/);
    expect(() => writer.scalar("loss", 1, -1)).toThrow(
      /the step must be a whole number of at least 0, got -1/,
    );
    expect(() => writer.scalar("loss", tensor([1, 2]), 0)).toThrow(ShapeError);
    expect(() => writer.scalar("loss", "1" as never, 0)).toThrow(
      /must be a number or a Tensor of one element, got the string "1"/,
    );
    expect(() => writer.histogram("w", "abc" as never, 0)).toThrow(/a Tensor or a list of numbers/);
    expect(() => writer.image("w", tensor([1, 2]), 0)).toThrow(/reshape it/);
    expect(() => writer.text("t", [["a"], ["b", "c"]], 0)).toThrow(/rows of as many strings each/);
    expect(() => writer.hparams({ layers: [1, 2] as never })).toThrow(
      /"layers" must be a number, a string or a boolean/,
    );
    expect(() => writer.graph(new Sequential())).toThrow(/no layers yet/);
    await writer.close();
    expect(() => writer.scalar("loss", 1, 0)).toThrow(/was closed/);
  });

  it("is read again by our own reader, as it is by others'", async () => {
    await writer.scalar("loss", 0.25, 3);
    await writer.histogram("w", [1, 2, 3, 4], 3, { buckets: 2 });
    await writer.image("i", tensor([[[0, 1, 0.5]]]), 4);
    await writer.text(
      "t",
      [
        ["a", "b"],
        ["c", "d"],
      ],
      5,
    );
    await writer.hparams({ rate: 0.5, isBig: false, __proto__name: "x" });
    const log = readEvents(fs.readFileSync(writer.path));
    expect(log.scalars.get("loss")).toMatchObject([{ step: 3, value: 0.25 }]);
    expect(log.histograms.get("w")).toMatchObject([
      {
        step: 3,
        buckets: [
          [1, 2.5, 2],
          [2.5, 4, 2],
        ],
      },
    ]);
    expect(log.images.get("i")).toMatchObject([{ step: 4, width: 1, height: 1 }]);
    expect(log.texts.get("t")).toMatchObject([
      {
        step: 5,
        rows: [
          ["a", "b"],
          ["c", "d"],
        ],
      },
    ]);
    expect(log.hparams).toEqual({ rate: 0.5, isBig: false, __proto__name: "x" });
    expect(log).toMatchObject({ events: 7, ending: "whole" });
    const file = fs.readFileSync(writer.path);
    expect(readEvents(file.subarray(0, file.length - 3))).toMatchObject({
      ending: "cut",
      hparams: undefined,
    });
    expect(() => readEvents(new TextEncoder().encode("no event file at all"))).toThrow(DataError);
  });

  it("may keep the files for a download", async () => {
    const logs = new LogDownload();
    const kept = createFileWriter(logs, { folder: "train" });
    await kept.scalar("loss", 1, 0);
    await kept.close();
    const [[name, file]] = logs.files();
    expect(name).toMatch(/^train\/events\.out\.tfevents\./);
    expect(summariesIn(eventsIn(file))).toHaveLength(1);
    const archive = path.join(folder, "logs.tar");
    fs.writeFileSync(archive, new Uint8Array(await logs.toBlob().arrayBuffer()));
    const { spawnSync } = await import("node:child_process");
    const { status } = spawnSync("tar", ["xf", archive, "-C", folder]);
    expect(status).toBe(0);
    expect(fs.readFileSync(path.join(folder, name))).toEqual(Buffer.from(file));
    expect(() => logs.save()).toThrow(/there is no page here/);
  });
});

/** The images of a summary, unpacked. */
function pngIn({ tensor: found }: { tensor: { string_val: Uint8Array[] } }) {
  const [width, height, ...files] = found.string_val.map((value) => Buffer.from(value));
  return files.map((file) => {
    expect(file.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
    const head = file.subarray(16, 29);
    expect([head.readUInt32BE(0), head.readUInt32BE(4)]).toEqual([Number(width), Number(height)]);
    const packed = file.subarray(41, 41 + file.readUInt32BE(33));
    const data = inflateSync(packed);
    const row = data.length / Number(height);
    const rows = Array.from({ length: Number(height) }, (_, y) => [
      ...data.subarray(y * row + 1, (y + 1) * row),
    ]);
    return { width: Number(width), height: Number(height), colourType: head[9], rows };
  });
}
