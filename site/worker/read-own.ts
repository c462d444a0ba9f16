// Files of the user's own as data, each kind by what reads it. Loaded when they come.

import type { GivenFile, OwnData, OwnForm } from "../setup/own-data.ts";
import type { OwnName } from "../setup/setup.ts";

/**
 * @param signal ends the reading of images
 * @throws Error that says which file is wrong, and what to choose
 */
export async function readOwn(
  data: OwnName,
  files: readonly GivenFile[],
  form: OwnForm,
  signal: AbortSignal,
): Promise<OwnData> {
  if (data === "images") return (await import("./own-files.ts")).ownImages(files, form, signal);
  const [{ file }] = files;
  if (data === "csv") return (await import("./csv.ts")).readCsvFile(file, form);
  return (await import("./texts.ts")).readTextsFile(file);
}
