// The networks of nets.ts as nn models.

import {
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GRU,
  Input,
  type Layer,
  LayerNormalization,
  LSTM,
  MaxPooling2D,
  Sequential,
} from "../../nn/index.ts";
import { Block, Positions } from "./gpt-layers.ts";
import { type LayerSpec, type NetSpec, shapesOf } from "./nets.ts";

function layerOf(layer: LayerSpec, width: number, isLast: boolean, { tokens }: NetSpec): Layer {
  switch (layer.kind) {
    case "dense":
      return new Dense(layer.units, { activation: isLast ? "softmax" : "relu" });
    case "batchNorm":
      return new BatchNormalization();
    case "dropout":
      return new Dropout(layer.rate);
    case "conv2d":
      return new Conv2D(layer.units, layer.size, { activation: "relu" });
    case "maxPool":
      return new MaxPooling2D(layer.size);
    case "flatten":
      return new Flatten();
    case "embedding":
      return new Embedding(tokens!.vocabulary, layer.units, { maskZero: tokens!.shortest !== undefined });
    case "lstm":
      return new LSTM(layer.units, { returnSequences: true });
    case "gru":
      return new GRU(layer.units);
    case "positions":
      return new Positions();
    case "block":
      return new Block(width, layer.heads);
    case "layerNorm":
      return new LayerNormalization();
  }
}

/** The layers without the shape of their input. */
export const layersOf = (net: NetSpec): Layer[] =>
  net.layers.map((layer, i) => layerOf(layer, shapesOf(net)[i].at(-1)!, i === net.layers.length - 1, net));

export const buildModel = (net: NetSpec): Sequential =>
  new Sequential([new Input(net.shape ?? [net.inputs], net.tokens && { dtype: "i32" }), ...layersOf(net)]);
