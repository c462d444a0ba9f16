// A page has no terminal: bundlers take this for live-progress.ts, by the field "browser" of package.json.

export const liveProgress = (): undefined => undefined;
