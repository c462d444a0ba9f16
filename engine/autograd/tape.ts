// Tape: the gradient tape as people use it, which shows its steps too.

import { checkOptions, type OptionNames } from "../base/errors.ts";
import { captureSource } from "../base/source-line.ts";
import { checkTensor } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { GradientTape, type TapeOptions } from "./gradient-tape.ts";
import { nameValues, nodesBehind } from "./recorded.ts";
import { TapeStep } from "./step.ts";

export interface StepOptions {
  /** `"backward"` (the default) walks from the loss, `"forward"` to it, in the order of recording. */
  direction?: "forward" | "backward";
  /** Backward: the gradient of the loss to start from; default 1. */
  seed?: Tensor;
}

const stepOptions: OptionNames<StepOptions> = { direction: true, seed: true };

/**
 * Records ops and gives gradients of what they computed.
 *
 *     const tape = new Tape();
 *     const loss = tape.record(() => mean(square(sub(matmul(x, w), y))));
 *     const [dw] = tape.gradient(loss, [w]);
 *     tape.dispose();
 *
 * What its results are computed from is kept until `dispose()`, or until `backward(loss)` has walked over it.
 */
export class Tape extends GradientTape {
  constructor(options: TapeOptions = {}) {
    super(options, captureSource);
  }

  /**
   * Walks back from `loss`, node by node: each step shows an op's inputs, outputs, incoming and outgoing
   * gradients before the walk goes on. Breaking out of the loop frees what it held. With `direction: "forward"`, walks
   * the nodes that the loss depends on in the order of recording, without gradients.
   */
  *steps(loss: Tensor, options: StepOptions = {}): Generator<TapeStep, void, void> {
    checkOptions("Tape.steps", options, stepOptions);
    checkTensor("Tape.steps", loss);
    const walk = this.walkFrom(loss, options.seed, "steps");
    try {
      const values = nameValues(this, loss.device);
      if (options.direction === "forward") {
        for (const node of nodesBehind(this.nodes, loss.id)) yield new TapeStep("forward", node, values);
        return;
      }
      for (const { node, outputGradients, inputGradients } of walk.steps()) {
        yield new TapeStep("backward", node, values, outputGradients, inputGradients);
      }
    } finally {
      walk.dispose();
    }
  }
}
