// What the page sees of a net: its output over the plane, its layers, and a batch op by op.

import { diagnose } from "gradgpu/nn";
import { isOwn } from "../setup/setup.ts";
import { imageMaps, planeMaps } from "./maps.ts";
import type { LayersLook, Post, UnitMaps, Views } from "./messages.ts";
import type { Net } from "./net.ts";
import { batchOf } from "./samples.ts";
import { walkPage } from "./walk.ts";

/** Rows that a look into a training step takes. */
const lookRows = 256;

export class Looks {
  readonly #net: Net;
  readonly #post: Post;
  views: Views = { boundary: false, layers: false };

  constructor(net: Net, post: Post) {
    this.#net = net;
    this.#post = post;
  }

  /** After training, a step or another choice of views. */
  async show(): Promise<void> {
    if (!this.#net.isBuilt || this.#net.isFresh) return;
    if (this.views.boundary) await this.boundary();
    if (this.views.layers) await this.layers();
  }

  /** Of a net that has just been made. */
  async showFirst(): Promise<void> {
    if (this.views.boundary) await this.boundary();
    // On software a first look compiles for seconds: it waits until something has been learnt.
    if (this.views.layers && !this.#net.isFresh) await this.layers();
  }

  async boundary(): Promise<void> {
    const { samples, setup, model } = this.#net;
    const { shape } = samples.spec;
    if (shape.length !== 1 || shape[0] !== 2 || isOwn(setup.data)) return;
    const { boundary, units } = await planeMaps(model, this.views.layers);
    this.#post({ kind: "boundary", ...boundary }, [boundary.values.buffer]);
    if (units.length > 0) this.#postUnits(units);
  }

  async layers(): Promise<void> {
    const { train, spec } = this.#net.samples;
    const batch = batchOf(train, 0, Math.min(lookRows, train.count));
    this.#post({ kind: "layers", look: lookOf(await diagnose(this.#net.model, batch.x, batch.y)) });
    if (spec.shape.length === 3) this.#postUnits(await imageMaps(this.#net.model, batchOf(train, 0, 1).x));
  }

  async walk(): Promise<void> {
    const { samples, setup, model, row } = this.#net;
    const page = await walkPage(model, batchOf(samples.train, row, 2), setup.loss);
    this.#post({ kind: "walk", page });
  }

  #postUnits(maps: readonly UnitMaps[]): void {
    this.#post(
      { kind: "units", maps },
      maps.map(({ values }) => values.buffer),
    );
  }
}

/** What the page shows of it, as plain data. */
const lookOf = ({ layers, gradientNorm, warnings }: Awaited<ReturnType<typeof diagnose>>): LayersLook => ({
  gradientNorm,
  warnings: warnings.map(({ layer, text }) => ({ layer, text })),
  layers: layers.map(({ name, type, activation, isOutput, gradientNorm, outputs: [output], weights }) => ({
    name,
    type,
    activation,
    isOutput,
    gradientNorm,
    mean: output.mean,
    deviation: output.standardDeviation,
    zeros: output.zeros,
    deadUnits: output.deadUnits,
    saturation: output.saturation,
    histogram: output.histogram,
    weights: weights.map((weight) => ({
      path: weight.path,
      shape: weight.shape,
      norm: weight.norm,
      gradientNorm: weight.gradientNorm,
      updateRatio: weight.updateRatio,
      histogram: weight.histogram,
      gradientHistogram: weight.gradientHistogram,
    })),
  })),
});
