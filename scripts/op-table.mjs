// npm run op-table: writes docs/ops.md from the ops that there are, their sources, and what conformance measured.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "./run.mjs";
import { root } from "./setup.mjs";

const program = await bundle(path.join(root, "test", "support", "op-table.ts"));
const { opTable } = await import(pathToFileURL(program).href);
fs.writeFileSync(path.join(root, "docs", "ops.md"), await opTable(root));
