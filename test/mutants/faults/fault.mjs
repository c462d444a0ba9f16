// How the lists write faults down.

/** Tests without a GPU: the file's name, and of its tests those whose names match, where that saves time. */
export const unit = (file, name) => ({ kind: "unit", file, name });

/** Tests on a device. */
export const gpu = (file, name) => ({ kind: "gpu", file, name });

/**
 * A list by file: where one looks for its faults, then each fault as what stands there once, what is put in its place,
 * and options: other `tests`, or why it is `equivalent` to what stands there.
 *
 * @param {Record<string, [tests: object[], ...faults: [text: string, replacement: string, options?: object][]]>} byFile
 */
export const faultsIn = (byFile) =>
  Object.entries(byFile).flatMap(([file, [tests, ...faults]]) =>
    faults.map(([text, replacement, options = {}], i) => ({
      name: `${file}#${i + 1}`,
      file,
      text,
      with: replacement,
      tests,
      ...options,
    })),
  );
