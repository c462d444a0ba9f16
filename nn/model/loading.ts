// Models out of files. Names all layers, losses, metrics and schedules, so it costs those programs alone that call it.

import { ArgumentError, DataError, device } from "../../engine/index.ts";
import { checkOptions, isPlainObject, type OptionNames } from "../../engine/internal.ts";
import * as optim from "../../optim/index.ts";
import { Optimizer, type Schedule, schedules } from "../../optim/index.ts";

import type { LayerClass, LayerConfig } from "../layers/config.ts";
import { Layer } from "../layers/layer.ts";
import * as losses from "../objective/losses.ts";
import * as metrics from "../objective/metrics.ts";
import type { OptimizerReference, Reference } from "../state/compile-config.ts";
import { made, objectNote, readFile, type Source, type StateFile } from "../state/files.ts";
import { type OptimizerNotes, restorerOf } from "../state/model-state.ts";
import { optimizerOptions } from "../state/optimizer-options.ts";
import type { CompileOptions } from "./compiled.ts";
import { callMaker, modelFromConfig } from "./from-config.ts";
import type { Model } from "./model.ts";

export interface LoadModelOptions {
  /**
   * What is your own by name: classes of layers by their types, optimizers by their classes' names, losses, metrics,
   * schedules and functions by their names. A file holds names, no code.
   */
  custom?: Readonly<Record<string, unknown>>;
  /** Whether the model is compiled as it was, and its optimizer goes on where it was. Default true. */
  compile?: boolean;
}

const options: OptionNames<LoadModelOptions> = { custom: true, compile: true };

/**
 * A model out of a file that `saveModel` or a checkpoint of `fit` wrote, on the default device: compiled as it was, its
 * optimizer where it was, its random states and the order of samples, too, so that training goes on as it would have.
 *
 * @param source where it was saved, or the bytes
 * @throws DataError for what is damaged or no such file; ArgumentError for a name that `custom` lacks
 */
export async function loadModel(source: Source, given: LoadModelOptions = {}): Promise<Model> {
  checkOptions("loadModel", given, options);
  // Its error says to call init().
  device();
  const { custom = {}, compile = true } = given;
  const file = await readFile("loadModel", source);
  const config = objectNote(file, "model");
  if (config === undefined) {
    const remedy =
      file.kind === undefined || file.kind === "weights" ? "make the model and use loadWeights" : "";
    throw new DataError(
      `${file.name}: holds no model's structure${file.kind === "run" ? ", for a part of it was none that a file can hold; make the model and go on by fit's resume" : `; ${remedy}`}`,
    );
  }
  const model = await made(file.name, () =>
    modelFromConfig(config as unknown as LayerConfig, { custom: layersIn(custom) }),
  );
  try {
    const compileNote = compile ? objectNote(file, "compile") : undefined;
    if (compileNote !== undefined) {
      await made(file.name, () => {
        const told = new Reviver(file, custom).value(compileNote);
        model.compile(told as unknown as CompileOptions);
      });
    }
    const notes =
      compileNote === undefined ? undefined : (objectNote(file, "optimizer") as OptimizerNotes | undefined);
    restorerOf(file.name, model, file, notes, () => model.makeShuffleState())();
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

const layersIn = (custom: Readonly<Record<string, unknown>>): Record<string, LayerClass<Layer>> =>
  Object.fromEntries(
    Object.entries(custom).filter(
      ([, value]) => typeof value === "function" && value.prototype instanceof Layer,
    ),
  ) as Record<string, LayerClass<Layer>>;

/** Makes what compile was told of what a file says of it. */
class Reviver {
  readonly #file: StateFile;
  readonly #custom: Readonly<Record<string, unknown>>;

  constructor(file: StateFile, custom: Readonly<Record<string, unknown>>) {
    this.#file = file;
    this.#custom = custom;
  }

  value(data: unknown): unknown {
    if (Array.isArray(data)) return data.map((part) => this.value(part));
    if (!isPlainObject(data)) return data;
    if ("custom" in data) return this.#own(data.custom);
    if ("made" in data && Array.isArray(data.args))
      return this.#made(data as unknown as { made: string; args: unknown[] });
    if ("optimizer" in data && "options" in data)
      return this.#optimizer(data as unknown as OptimizerReference);
    if ("schedule" in data) return this.#schedule(data as { schedule: unknown });
    if ("pattern" in data) return new RegExp(String(data.pattern), String(data.flags));
    return Object.fromEntries(Object.entries(data).map(([key, part]) => [key, this.value(part)]));
  }

  #own(name: unknown): unknown {
    if (typeof name === "string" && Object.hasOwn(this.#custom, name)) return this.#custom[name];
    const known = Object.keys(this.#custom).join(", ") || "nothing";
    throw new ArgumentError(
      `${this.#file.name}: the model was compiled with "${String(name)}", which is none of ours; give it by custom: { ${String(name)} } (it has ${known}), or load it with { compile: false }`,
    );
  }

  #made({ made, args }: { made: string; args: unknown[] }): unknown {
    return callMaker(
      { losses, metrics },
      made,
      args.map((part) => this.value(part)),
    );
  }

  #optimizer({ optimizer, options: given, spared, lossScaling }: OptimizerReference): Optimizer {
    const classes: Readonly<Record<string, unknown>> = optim as never;
    const Own = (Object.hasOwn(classes, optimizer) ? classes[optimizer] : this.#own(optimizer)) as new (
      options: object,
    ) => Optimizer;
    const made = new Own(optimizerOptions(this.value(given) as Record<string, unknown>));
    if (!(made instanceof Optimizer)) {
      throw new ArgumentError(`${this.#file.name}: custom.${optimizer} must be a class of optimizers`);
    }
    if (lossScaling !== undefined) {
      const { halves, ...rest } = lossScaling;
      (halves === true ? optim.mixedPrecision : optim.withLossScaling)(made, rest);
    }
    const own = spared === undefined ? undefined : this.value(spared satisfies Reference);
    return own === undefined ? made : optim.excludeFromWeightDecay(made, own as never);
  }

  #schedule({ schedule, ...rest }: { schedule: unknown; [option: string]: unknown }): Schedule {
    const table: Readonly<Record<string, unknown>> = { ...schedules };
    const maker =
      typeof schedule === "string" && Object.hasOwn(table, schedule) ? table[schedule] : undefined;
    if (typeof maker !== "function") return this.#own(schedule) as Schedule;
    const inner = this.value(rest) as Record<string, unknown>;
    return schedule === "byEpoch" ? maker(inner.of) : maker(inner);
  }
}
