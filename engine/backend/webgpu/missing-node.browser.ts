// A page does not run in Node: bundlers take this for missing-node.ts, by the field "browser" of package.json.

export const whyInNode = (): undefined => undefined;
