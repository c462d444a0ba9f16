// Texts as the numbers of their words. Loaded when there are texts.

import { TextVectorization } from "gradgpu/nn";
import { textLength, vocabularySize } from "../setup/setup.ts";

/** Knows the words of some texts, and makes [count, textLength] of these and others, row by row. */
export function tokenizer(known: readonly string[]) {
  const vectorize = new TextVectorization({ maxTokens: vocabularySize, outputSequenceLength: textLength });
  vectorize.adapt(known);
  return async (texts: readonly string[]): Promise<Int32Array<ArrayBuffer>> => {
    const ids = vectorize.call(texts);
    const values = Int32Array.from(await ids.data());
    ids.dispose();
    return values;
  };
}
