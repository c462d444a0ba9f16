// npm run layer-table: writes docs/layers.md from what nn and optim export and what their sources say of it.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "./run.mjs";
import { root } from "./setup.mjs";

const program = await bundle(path.join(root, "test", "support", "layer-table.ts"));
const { layerTable } = await import(pathToFileURL(program).href);
fs.writeFileSync(path.join(root, "docs", "layers.md"), layerTable(root));
