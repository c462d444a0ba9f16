// Note 002's first network, 4-8-8-3, and the table of its layers.

import { Dense, Sequential } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";

export function summary({ keep }: Course) {
  // The note ran it as its third network: layers were counted on from 7.
  const model = new Sequential([], { name: "sequential_3" });

  model.add(new Dense(8, { inputDim: 4, activation: "relu", name: "dense_7" }));

  model.add(new Dense(8, { activation: "relu", name: "dense_8" }));

  model.add(new Dense(3, { activation: "softmax", name: "dense_9" }));

  keep("summary", model.summary({ print: () => {} }));
  keep("parameters", model.countParams());
}
