// What a model was made of, as data, and the graph of a model laid anew with other layers.

import type { Tree } from "../../engine/index.ts";
import { leavesOf, mapTree } from "../../engine/internal.ts";
import type { Config } from "../layers/config.ts";
import type { Layer } from "../layers/layer.ts";
import { copyOfInput, input, type Placeholder } from "../layers/placeholder.ts";
import type { Graph, LayerCall } from "./graph.ts";

/** Where a value of a graph comes from: the model's input of that number, or an output of a call. */
export type ValueConfig = { readonly input: number } | { readonly call: number; readonly output: number };

/** A graph as data. */
export interface GraphConfig {
  readonly inputs: readonly {
    readonly name: string | null;
    readonly shape: readonly (number | null)[];
    readonly dtype: "f32" | "i32" | "u32";
    readonly byteScale: number;
  }[];
  /** The inputs' numbers, in the form that the model takes them in. */
  readonly inputForm: Tree<number>;
  /** By name. */
  readonly layers: Readonly<Record<string, { readonly type: string; readonly config: Config }>>;
  readonly calls: readonly { readonly layer: string; readonly inputs: Tree<ValueConfig> }[];
  readonly outputs: Tree<ValueConfig>;
}

const isValue = (value: unknown): boolean =>
  typeof (value as { output?: unknown } | null)?.output === "number" ||
  typeof (value as { input?: unknown } | null)?.input === "number";

export function graphConfig(graph: Graph): GraphConfig {
  const starts = leavesOf(graph.inputs);
  let next = 0;
  const sourceOf = (value: Placeholder): ValueConfig =>
    value.producer === undefined
      ? { input: starts.indexOf(value) }
      : { call: graph.calls.indexOf(value.producer as LayerCall), output: value.output };
  return {
    inputs: starts.map(({ name = null, shape, dtype, byteScale }) => ({
      name,
      shape,
      dtype: dtype as "f32",
      byteScale,
    })),
    inputForm: mapTree(graph.inputs, () => next++),
    layers: Object.fromEntries(
      graph.layers.map((layer) => {
        const name = graph.nameOf(layer) as string;
        return [name, { type: layer.type, config: { ...layer.config(), name } }];
      }),
    ),
    calls: graph.calls.map(({ layer, inputs }) => ({
      layer: graph.nameOf(layer) as string,
      inputs: mapTree(inputs, sourceOf),
    })),
    outputs: mapTree(graph.outputs, sourceOf),
  };
}

interface Laid {
  readonly inputs: Tree<Placeholder>;
  readonly outputs: Tree<Placeholder>;
}

/** Lays the graph of a config with layers by name. */
export function layGraph(config: GraphConfig, layers: Readonly<Record<string, Layer>>): Laid {
  const starts = config.inputs.map(({ shape, dtype, byteScale, name }) =>
    input(shape, { dtype, byteScale, name: name ?? undefined }),
  );
  const made: Placeholder[][] = [];
  const find = (value: ValueConfig) =>
    "input" in value ? starts[value.input] : made[value.call][value.output];
  for (const { layer, inputs } of config.calls) {
    made.push(leavesOf(layers[layer].call(mapTree(inputs, find, isValue)) as Tree<Placeholder>));
  }
  return {
    inputs: mapTree(config.inputForm, (at: number) => starts[at]),
    outputs: mapTree(config.outputs, find, isValue),
  };
}

/** The same graph with layers in the places of others. */
export function relaid(graph: Graph, layerFor: (layer: Layer) => Layer): Laid {
  const inputs = mapTree(graph.inputs, copyOfInput);
  const outputs = graph.run(inputs, ({ layer }, given) => layerFor(layer).call(given) as Tree<Placeholder>);
  return { inputs, outputs };
}
