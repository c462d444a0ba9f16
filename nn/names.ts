// `gradgpu/names`: imported once, it has every optimizer, loss, metric, initializer, regularizer, constraint and activation
// found by its name; without it only those that most programs name are.

import { knowAllNames } from "./model/all-names.ts";

knowAllNames();
