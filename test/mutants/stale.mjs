// Which faults no longer fit the code: what each replaces must stand in its file once, and its tests must be there.

import fs from "node:fs";
import path from "node:path";
import { root } from "../../scripts/setup.mjs";
import { faults } from "./faults/all.mjs";

const remedy = "write the same mistake for the code as it is now, or drop the line where that job is gone";

/** The test file in which a fault's test is. */
export const testFile = ({ kind, file }) => `test/${kind}/${file}.test.ts`;

/** What is wrong with each fault that no longer fits, as sentences that name the remedy. */
export function staleFaults(all = faults) {
  const texts = new Map();
  const textOf = (file) => {
    const full = path.join(root, file);
    if (!texts.has(file)) texts.set(file, fs.existsSync(full) ? fs.readFileSync(full, "utf8") : "");
    return texts.get(file);
  };
  return all.flatMap((fault) => {
    const times = textOf(fault.file).split(fault.text).length - 1;
    const missing = fault.tests.map(testFile).find((file) => !fs.existsSync(path.join(root, file)));
    if (times === 1 && missing === undefined) return [];
    const why =
      times !== 1
        ? `its text must stand there once, but does ${times} times: ${JSON.stringify(fault.text)}; ${remedy}`
        : `there is no ${missing}; name the tests that should notice it`;
    return [{ fault, why }];
  });
}
