// What the bench says about peers: same data for all, agreement before timing, ratios from rows. No peer is installed.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseBenchArguments, UsageError } from "../../bench/arguments.ts";
import { buildModel } from "../../bench/cases/net-models.ts";
import { type NetSpec, nets, withoutDropout } from "../../bench/cases/nets.ts";
import { comparable, describeDifference, ourLosses } from "../../bench/peers/agreement.ts";
import { installPeer, reasonIn } from "../../bench/peers/install.ts";
import { dataOf, rotation, weightsOf } from "../../bench/peers/net-data.ts";
import { ratiosOf, renderFloors, renderRatios, winsIn } from "../../bench/reporters/ratios.ts";
import { type Device, init } from "../../engine/index.ts";
import { makeRow as row } from "../support/bench-rows.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

describe("what every library starts from", () => {
  it.each(nets.map((net) => [net.name, net] as const))("has the weights of %s's model", (_, net) => {
    const model = buildModel(net);
    model.build(net.shape ?? [net.inputs], device);
    const weights = weightsOf(net).flat();
    expect(weights.map(({ shape }) => [...shape])).toEqual(model.weights.map(({ shape }) => [...shape]));
    expect(weights.map(({ isTrainable }) => isTrainable)).toEqual(
      model.weights.map(({ trainable }) => trainable),
    );
    for (const { shape, values } of weights)
      expect(values).toHaveLength(shape.reduce((product, size) => product * size, 1));
    model.dispose();
  });

  it("has a row and a label for each example, and can be sent to another process", () => {
    const net = nets[2];
    const { x, y } = dataOf(net);
    expect(x).toHaveLength(rotation * net.batchSize * net.inputs);
    expect(y).toHaveLength(rotation * net.batchSize);
    expect(Math.max(...y)).toBeLessThan(net.classes);
    expect(structuredClone(net)).toEqual(net);
    expect(withoutDropout(nets[3]).layers.map(({ kind }) => kind)).toEqual(["dense", "dense", "dense"]);
  });
});

describe("agreement", () => {
  it("is found where the losses are ours, and fails where they are not", async () => {
    const { net } = comparable({ kind: "net", net: nets[2] }) as { net: NetSpec };
    const losses = await ourLosses(net, device);
    const differ = (theirs: readonly number[]) =>
      describeDifference(
        { kind: "net", net },
        losses.map((loss) => [loss]),
        theirs.map((loss) => [loss]),
      );
    // What PyTorch and tfjs give from the same weights and data.
    expect(differ([2.757607, 2.294058, 2.067351, 1.996685])).toBeUndefined();
    expect(differ([losses[0] + 0.01, ...losses.slice(1)])).toMatch(/loss of step 1/);
    expect(differ([losses[0], losses[0], ...losses.slice(2)])).toMatch(/loss of step 2/);
    expect(differ([Number.NaN])).toMatch(/does not compute the same/);
    expect(differ(losses.slice(0, 2))).toMatch(/loss of step 3/);
  });
});

describe("what is compared", () => {
  it("draws no masks: dropout is every library's own", () => {
    const net = nets.find((each) => each.layers.some(({ kind }) => kind === "dropout"))!;
    const work = { kind: "net", net: net } as Parameters<typeof comparable>[0];
    expect(comparable(work)).toEqual({ ...work, net: { ...withoutDropout(net), batches: 1 } });
  });
});

describe("ratios", () => {
  const rows = [
    row({}),
    row({ backend: "tfjs-webgpu", medianMs: 70, version: "4.22.0" }),
    row({ backend: "jax-js-webgpu", medianMs: 50, version: "0.1.25", readsEach: true }),
    row({ backend: "tfjs-wasm", medianMs: 15, version: "4.22.0" }),
    row({ case: "train/N2", medianMs: 40 }),
  ];

  it("are against the best WebGPU peer and against each backend in WebAssembly", () => {
    expect(ratiosOf(rows)).toEqual([
      {
        case: "train/N1",
        phase: "step",
        peers: { "tfjs-webgpu": 7, "jax-js-webgpu": 5, "tfjs-wasm": 1.5 },
        bestWebgpuPeer: { backend: "jax-js-webgpu", ratio: 5 },
        tfjsWasm: 1.5,
        jaxJsWasm: undefined,
      },
    ]);
    const text = renderRatios(rows);
    expect(text).toMatch(/train\/N1 +100 +14\.3 +20\.0\* +66\.7 +5\.00x +1\.50x$/m);
    expect(text).toContain("jax-js-webgpu 0.1.25");
  });

  it("are of the same case in the same phase", () => {
    const phases = (["forward", "gradient"] as const).flatMap((phase, i) => [
      row({ phase, medianMs: 10 }),
      row({ phase, backend: "tfjs-webgpu", medianMs: 20 + 10 * i }),
    ]);
    expect(ratiosOf(phases).map(({ phase, peers }) => [phase, peers])).toEqual([
      ["forward", { "tfjs-webgpu": 2 }],
      ["gradient", { "tfjs-webgpu": 3 }],
    ]);
  });

  it("are of medians: one lucky sample makes no peer the best", () => {
    const peers = [
      row({ backend: "tfjs-webgpu", medianMs: 40, minMs: 1, q1Ms: 2, q3Ms: 90 }),
      row({ backend: "jax-js-webgpu", medianMs: 30, minMs: 29 }),
      row({ backend: "ort-webgpu", medianMs: 50, minMs: 20 }),
      row({ backend: "tfjs-wasm", medianMs: 2 }),
    ];
    for (const order of [peers, [...peers].reverse()]) {
      const [ratio] = ratiosOf([row({ minMs: 1 }), ...order]);
      expect(ratio.bestWebgpuPeer).toEqual({ backend: "jax-js-webgpu", ratio: 3 });
      expect(ratio.peers).toMatchObject({ "tfjs-webgpu": 4, "ort-webgpu": 5, "tfjs-wasm": 0.2 });
    }
    expect(winsIn([row({}), ...peers])).toContain("ahead of tfjs-wasm in 0 of 1 case, 0.20x in the median");
  });

  it("are not guessed where no peer ran, or ours did not", () => {
    expect(renderRatios([row({})])).toBe("");
    expect(ratiosOf([row({ backend: "tfjs-wasm" })])).toEqual([]);
    expect(ratiosOf([row({}), row({ backend: "tfjs-wasm" })])[0].bestWebgpuPeer).toBeUndefined();
  });

  it("tell how far cases are from their floors", () => {
    const timed = [
      row({ case: "host/replay-N1", phase: "host", medianMs: 0.12 }),
      row({ case: "host/bare-loop-N1", phase: "host", medianMs: 0.1 }),
    ];
    expect(renderFloors(timed)).toBe("host/replay-N1 takes 1.20x host/bare-loop-N1\n");
    expect(renderFloors([row({})])).toBe("");
  });
});

describe("--peers", () => {
  it("is off by default and needs WebGPU", () => {
    expect(parseBenchArguments([]).hasPeers).toBe(false);
    expect(parseBenchArguments(["--peers"]).hasPeers).toBe(true);
    expect(() => parseBenchArguments(["--peers", "--device", "cpu"])).toThrow(UsageError);
  });
});

describe("a peer that can't be installed", () => {
  it("says why, without naming a registry", () => {
    const said =
      "npm warn x\nnpm error code ENOTFOUND\nnpm error request to https://mirror.example/@jax-js%2fjax failed\n";
    expect(reasonIn(said)).toBe("code ENOTFOUND; request to (the registry) failed");
    expect(reasonIn("npm error connect to mirror.example:443 refused")).toBe(
      "connect to (the registry) refused",
    );
    expect(reasonIn("nothing")).toBeUndefined();
  });

  it("is refused with npm's own words", async () => {
    const cache = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-peers-"));
    vi.stubEnv("npm_config_offline", "true");
    vi.stubEnv("npm_config_cache", path.join(cache, "npm"));
    try {
      await expect(installPeer("jax-js-webgpu", cache)).rejects.toThrow(
        /could not be installed: .*ENOTCACHED/,
      );
    } finally {
      vi.unstubAllEnvs();
      fs.rmSync(cache, { recursive: true });
    }
  });
});
