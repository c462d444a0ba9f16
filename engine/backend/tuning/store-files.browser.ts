// A page has no files: bundlers take this for store-files.ts, by the field "browser" of package.json.

export const fileFor = (): undefined => undefined;
