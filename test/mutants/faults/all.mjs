// All faults, part by part.

import { backend } from "./backend.mjs";
import { bench } from "./bench.mjs";
import { jit } from "./jit.mjs";
import { others } from "./others.mjs";
import { random } from "./random.mjs";
import { variants } from "./variants.mjs";

export const faults = [...jit, ...backend, ...variants, ...random, ...bench, ...others];
