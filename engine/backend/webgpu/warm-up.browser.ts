// A page compiles on its one device: bundlers take this for warm-up.ts, by the field "browser" of package.json.

export { runAll as warmUp } from "./warm-up-jobs.ts";
