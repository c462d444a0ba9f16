// All faults, part by part.

import { autograd } from "./autograd.mjs";
import { backend } from "./backend.mjs";
import { bench } from "./bench.mjs";
import { data } from "./data.mjs";
import { jit } from "./jit.mjs";
import { others } from "./others.mjs";
import { random } from "./random.mjs";
import { training } from "./training.mjs";
import { variants } from "./variants.mjs";

export const faults = [
  ...jit,
  ...backend,
  ...variants,
  ...random,
  ...autograd,
  ...training,
  ...data,
  ...bench,
  ...others,
];
