// A model's layers and what flows between them, as the GraphDef that TensorBoard's graph tab draws.

import type { DType, Tree } from "../../engine/index.ts";
import { leavesOf } from "../../engine/internal.ts";
import type { Layer } from "../layers/layer.ts";
import type { Call, Placeholder } from "../layers/placeholder.ts";
import { tensorShape } from "./events.ts";
import { Message } from "./wire.ts";

/** A model, as far as its graph goes: every `Model` and `Sequential` is one. */
export interface GraphModel {
  readonly name: string;
  readonly calls: readonly Call<Layer>[];
  readonly inputs: unknown;
  readonly outputs: unknown;
  readonly inputNames: readonly string[];
  nameOf(layer: Layer): string | undefined;
}

/** By TensorFlow's numbers. */
const dtypes: Partial<Record<DType, number>> = { f32: 1, i32: 3, u8: 4, bool: 10, u32: 22 };

const text = (value: string): Message => new Message().string(2, value);

/** What every node tells: its class, and the shapes of what it gives, -1 where any length does. */
function attributes(node: Message, type: string, outputs: readonly Placeholder[]): Message {
  node.entry(5, "keras_class", text(type));
  node.entry(5, "dtype", new Message().int(6, dtypes[outputs[0].dtype] ?? 1));
  const shapes = new Message();
  for (const { shape } of outputs)
    shapes.message(7, tensorShape([-1, ...shape.map((length) => length ?? -1)]));
  return node.entry(5, "_output_shapes", new Message().message(1, shapes));
}

/** What the layer was made of; layers that hold functions can't say. */
function configOf(layer: Layer): string | undefined {
  try {
    return JSON.stringify(layer.config());
  } catch {
    return undefined;
  }
}

const isModel = (layer: Layer): boolean => Array.isArray((layer as unknown as GraphModel).calls);

class Nodes {
  readonly graph = new Message();
  readonly #taken = new Set<string>();

  /** @param given which nodes give the model's inputs, in their order */
  add(model: GraphModel, scope: string, given: readonly string[]): string[] {
    const from = new Map<Placeholder, string>();
    leavesOf(model.inputs as Tree<Placeholder>).forEach((placeholder, i) => {
      from.set(placeholder, given[i]);
    });
    const namesOf = (values: unknown) =>
      leavesOf(values as Tree<Placeholder>).map((placeholder) => from.get(placeholder) as string);
    for (const { layer, inputs, outputs } of model.calls) {
      const name = `${scope}/${model.nameOf(layer) ?? layer.name}`;
      const values = leavesOf(outputs);
      const names = isModel(layer)
        ? this.add(layer as unknown as GraphModel, this.#free(name), namesOf(inputs))
        : this.#layer(layer, name, namesOf(inputs), values);
      values.forEach((value, i) => {
        from.set(value, names[i]);
      });
    }
    return namesOf(model.outputs);
  }

  input(name: string, placeholder: Placeholder): string {
    const free = this.#free(name);
    const node = new Message().string(1, free).string(2, "InputLayer");
    this.graph.message(1, attributes(node, "InputLayer", [placeholder]));
    return free;
  }

  #layer(layer: Layer, name: string, inputs: readonly string[], outputs: readonly Placeholder[]): string[] {
    const free = this.#free(name);
    const node = new Message().string(1, free).string(2, layer.type);
    for (const input of inputs) node.string(3, input);
    attributes(node, layer.type, outputs);
    node.entry(5, "parameters", new Message().int(3, layer.countParams()));
    const config = configOf(layer);
    if (config !== undefined) node.entry(5, "config", text(config));
    this.graph.message(1, node);
    return outputs.map((_, i) => (i === 0 ? free : `${free}:${i}`));
  }

  /** A layer that is called again is another node. */
  #free(name: string): string {
    let free = name;
    for (let i = 1; this.#taken.has(free); i++) free = `${name}_call_${i}`;
    this.#taken.add(free);
    return free;
  }
}

/** The GraphDef: a node a call of a layer, in scopes by the models that they stand in. */
export function modelGraph(model: GraphModel): Message {
  const nodes = new Nodes();
  const inputs = leavesOf(model.inputs as Tree<Placeholder>).map((placeholder, i) =>
    nodes.input(`${model.name}/${model.inputNames[i]}`, placeholder),
  );
  nodes.add(model, model.name, inputs);
  return nodes.graph.message(4, new Message().int(1, 22));
}
