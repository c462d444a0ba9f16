// Texts as the numbers of their words. Loaded when there are texts.

import { TextVectorization } from "gradgpu/nn";
import { textLength, vocabularySize } from "../setup/setup.ts";

/** [count, textLength], row by row. */
export async function tokensOf(texts: readonly string[]): Promise<Int32Array<ArrayBuffer>> {
  const vectorize = new TextVectorization({ maxTokens: vocabularySize, outputSequenceLength: textLength });
  const ids = vectorize.adapt(texts).call(texts);
  const values = Int32Array.from(await ids.data());
  ids.dispose();
  return values;
}
