// Files of the repository, as text for pages.

import fs from "node:fs/promises";

/** @throws Error where it is run from elsewhere */
export const sourceOf = async (file: string) => (await fs.readFile(file, "utf8")).trim();
