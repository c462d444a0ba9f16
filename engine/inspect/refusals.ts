// What explain says of neighbours that could have been one kernel and are two.

import type { Refusal, Refused } from "../jit/refusal.ts";

const sentences: Readonly<Record<Refusal[0], string>> = {
  stage: "a checkpointed block begins to run again between them",
  helpers: "they bring different helper functions of one name",
  nothing: "there is nothing to compute",
  elements: "it works on other elements than the kernel's result",
  reshape: "a reshape lies between and a broadcast depends on the shape",
  between: "another kernel lies between them",
  bytes: "it gives bytes, and the kernel stores elements one by one",
  others: "it also reads other elements than its own",
  compiling: "together they take too long to compile",
  elsewhere: "its result is needed elsewhere too",
  readElsewhere: "what it reads is needed elsewhere too",
  kernel: "what it reads comes of a kernel of its own kind",
  broadcast: "what it reads is reached by broadcasting",
  tiles: "it would be computed again by many tiles",
  constants: "what it reads is made of constants",
  bindings: "together they bind more than $1 buffers",
  numberBehind: "$1 needs an element's number, which the kernel's epilogue does not know",
  numberBefore: "$1 needs an element's number, which the kernel does not know as it reads",
  numberAmong: "$1 needs an element's number among $2",
  othersOf: "$1 reads other elements of the kernel's result than its own",
  reads: "$1 reads a $2 in a way that the kernel's epilogue can't",
  sizes: "$1 and $2 elements",
  again: "computing $1 values again for each of $2 elements costs more than a dispatch",
};

export function refusalText({ from, to, why: [why, ...details] }: Refused): string {
  const sentence = sentences[why].replace(/\$(\d)/g, (_, place) => String(details[Number(place) - 1]));
  return `${from} -> ${to}: ${sentence}`;
}
