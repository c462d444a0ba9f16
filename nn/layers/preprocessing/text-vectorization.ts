// TextVectorization: texts as numbers, on the host: standardized, split into tokens, and these looked up in a vocabulary that
// comes from texts.

import { ArgumentError, type Device, type Tensor, tensor } from "../../../engine/index.ts";
import {
  atLeastOne,
  checkOptions,
  choiceOf,
  isList,
  kindOf,
  type OptionNames,
} from "../../../engine/internal.ts";

export type Standardization = "lowerAndStripPunctuation" | "lower" | "stripPunctuation";
export type TextSplit = "whitespace" | "character";
export type TextOutput = "int" | "multiHot" | "count" | "tfIdf";

export interface TextVectorizationOptions {
  /** The most tokens that the vocabulary holds, with those for padding and for what is unknown; default: no limit. */
  maxTokens?: number | null;
  /** What is done to a text first; a function of the text, or null for nothing. Default "lowerAndStripPunctuation". */
  standardize?: Standardization | ((text: string) => string) | null;
  /** How a text becomes tokens; a function of the text, or null: it is one. Default "whitespace". */
  split?: TextSplit | ((text: string) => readonly string[]) | null;
  /** Also tokens of up to so many neighbouring ones, with spaces between; or those of the lengths of a list alone. */
  ngrams?: number | readonly number[] | null;
  /**
   * "int" (default): the tokens' numbers in their order; "multiHot": 1 for each token of the vocabulary that occurs;
   * "count": how often; "tfIdf": how often, times ln(1 + texts / (1 + texts that have it)).
   */
  outputMode?: TextOutput;
  /** Of "int": the length that all texts are cut or padded to; default: that of the longest of a call. */
  outputSequenceLength?: number | null;
  /** Of the others: rows as long as `maxTokens`, however few tokens there are; default false. */
  padToMaxTokens?: boolean;
  /** The tokens, without those for padding and for what is unknown, in the place of `adapt`. */
  vocabulary?: readonly string[];
  /** Of "tfIdf", with `vocabulary`: what each of its tokens' counts are multiplied by. */
  idfWeights?: readonly number[];
}

const ownOptions: OptionNames<TextVectorizationOptions> = {
  maxTokens: true,
  standardize: true,
  split: true,
  ngrams: true,
  outputMode: true,
  outputSequenceLength: true,
  padToMaxTokens: true,
  vocabulary: true,
  idfWeights: true,
};

export interface VocabularyOptions {
  /** With those for padding and for what is unknown, which come first; default true. */
  includeSpecialTokens?: boolean;
}

const vocabularyOptions: OptionNames<VocabularyOptions> = { includeSpecialTokens: true };

/** Stands for tokens that the vocabulary does not have. */
const unknown = "[UNK]";

const punctuation = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g;

const standardizations: Record<Standardization, (text: string) => string> = {
  lowerAndStripPunctuation: (text) => text.toLowerCase().replace(punctuation, ""),
  lower: (text) => text.toLowerCase(),
  stripPunctuation: (text) => text.replace(punctuation, ""),
};

const splits: Record<TextSplit, (text: string) => readonly string[]> = {
  whitespace: (text) => text.split(/\s+/).filter((token) => token !== ""),
  character: (text) => [...text],
};

const asIs = (text: string) => text;
const whole = (text: string) => [text];

/**
 * Texts as tensors for a model: rows of the tokens' numbers, or of what the vocabulary's tokens count. It is no layer, since
 * texts are not on the device; keep it beside the model that it feeds. Defaults and order of the vocabulary are Keras's: the
 * most frequent token comes first, of equally frequent ones the later in the alphabet.
 *
 *     const vectorize = new TextVectorization({ maxTokens: 5000, outputSequenceLength: 40 });
 *     vectorize.adapt(texts);
 *     const ids = vectorize.call(["free money now"]);      // i32 [1, 40]
 */
export class TextVectorization {
  readonly maxTokens: number | null;
  readonly outputMode: TextOutput;
  readonly outputSequenceLength: number | null;
  readonly padToMaxTokens: boolean;
  readonly #standardize: (text: string) => string;
  readonly #split: (text: string) => readonly string[];
  readonly #widths: readonly number[];
  /** Tokens, without those for padding and for what is unknown. */
  #tokens: readonly string[] | undefined;
  #places: ReadonlyMap<string, number> = new Map();
  /** Of all columns, that for what is unknown first. */
  #factors: readonly number[] = [];

  constructor(options: TextVectorizationOptions = {}) {
    checkOptions("TextVectorization", options, ownOptions);
    const { maxTokens = null, outputSequenceLength = null, vocabulary, idfWeights } = options;
    const modes = ["int", "multiHot", "count", "tfIdf"] as const;
    this.outputMode = choiceOf("TextVectorization outputMode", options.outputMode ?? "int", modes);
    this.maxTokens = maxTokens === null ? null : atLeastOne("TextVectorization", "maxTokens", maxTokens);
    this.outputSequenceLength =
      outputSequenceLength === null
        ? null
        : atLeastOne("TextVectorization", "outputSequenceLength", outputSequenceLength);
    if (outputSequenceLength !== null && this.outputMode !== "int") {
      throw new ArgumentError(
        `TextVectorization: outputSequenceLength goes with outputMode "int"; rows of "${this.outputMode}" are as long as the vocabulary`,
      );
    }
    this.padToMaxTokens = options.padToMaxTokens ?? false;
    if (this.padToMaxTokens && maxTokens === null) {
      throw new ArgumentError("TextVectorization: padToMaxTokens needs maxTokens, the length to pad to");
    }
    const { standardize = "lowerAndStripPunctuation", split = "whitespace" } = options;
    this.#standardize = functionOf("standardize", standardize, standardizations, asIs);
    this.#split = functionOf("split", split, splits, whole);
    this.#widths = widthsOf(options.ngrams ?? null);
    if (vocabulary !== undefined) this.setVocabulary(vocabulary, idfWeights);
    else if (idfWeights !== undefined) {
      throw new ArgumentError("TextVectorization: idfWeights belong to a vocabulary; give that, too");
    }
  }

  /** Makes the vocabulary of the tokens of texts, in place of the one that there was. */
  adapt(texts: readonly string[]): this {
    checkTexts("adapt", texts);
    if (texts.length === 0)
      throw new ArgumentError("TextVectorization: adapt: got no texts; pass at least one");
    const counts = new Map<string, number>();
    const holders = new Map<string, number>();
    for (const text of texts) {
      const tokens = this.#tokensOf(text);
      for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
      for (const token of new Set(tokens)) holders.set(token, (holders.get(token) ?? 0) + 1);
    }
    // Those that stand for padding and for what is unknown have places of their own.
    for (const token of ["", unknown]) counts.delete(token);
    const room = this.maxTokens === null ? Number.POSITIVE_INFINITY : this.maxTokens - this.#special.length;
    const tokens = [...counts]
      .sort(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? 1 : -1))
      .slice(0, Math.max(room, 0))
      .map(([token]) => token);
    this.#take(
      tokens,
      tokens.map((token) => Math.log(1 + texts.length / (1 + (holders.get(token) as number)))),
    );
    return this;
  }

  /**
   * Takes a vocabulary that is known.
   *
   * @param tokens those for padding and for what is unknown may stand in front, as `getVocabulary` gives them
   * @param idfWeights with outputMode "tfIdf": what each token's counts are multiplied by
   */
  setVocabulary(tokens: readonly string[], idfWeights?: readonly number[]): this {
    checkTexts("the vocabulary", tokens);
    const hasSpecial = this.#special.every((token, i) => tokens[i] === token);
    const own = hasSpecial ? tokens.slice(this.#special.length) : [...tokens];
    const twice = own.find((token, i) => token === "" || token === unknown || own.indexOf(token) !== i);
    if (twice !== undefined) {
      throw new ArgumentError(
        `TextVectorization: the vocabulary has "${twice}" ${["", unknown].includes(twice) ? `among its tokens, which stands for ${twice === "" ? "padding" : "what is unknown"}` : "twice"}; leave it out`,
      );
    }
    const size = own.length + this.#special.length;
    if (this.maxTokens !== null && size > this.maxTokens) {
      throw new ArgumentError(
        `TextVectorization: the vocabulary has ${size} tokens, with ${this.#special.length} for padding and what is unknown, and maxTokens is ${this.maxTokens}; leave some out`,
      );
    }
    const wantsWeights = this.outputMode === "tfIdf";
    if (wantsWeights !== (idfWeights !== undefined)) {
      throw new ArgumentError(
        wantsWeights
          ? 'TextVectorization: outputMode "tfIdf" needs the vocabulary\'s idfWeights; pass them, or adapt to texts'
          : `TextVectorization: idfWeights belong to outputMode "tfIdf", and this one is "${this.outputMode}"; leave them out`,
      );
    }
    const weights = idfWeights?.slice(idfWeights.length === tokens.length ? tokens.length - own.length : 0);
    if (weights !== undefined && (weights.length !== own.length || !weights.every(Number.isFinite))) {
      throw new ArgumentError(
        `TextVectorization: idfWeights must be ${own.length} finite numbers, one for each token, got ${weights.length}`,
      );
    }
    this.#take(own, weights ?? []);
    return this;
  }

  #take(tokens: readonly string[], weights: readonly number[]): void {
    this.#tokens = tokens;
    this.#places = new Map(tokens.map((token, i) => [token, i + this.#special.length]));
    const mean = weights.reduce((total, weight) => total + weight, 0) / Math.max(weights.length, 1);
    this.#factors = [mean, ...weights];
  }

  /** "" for padding, where there is any, and "[UNK]" for what is unknown. */
  get #special(): readonly string[] {
    return this.outputMode === "int" ? ["", unknown] : [unknown];
  }

  /** The tokens by their numbers. */
  getVocabulary(options: VocabularyOptions = {}): string[] {
    checkOptions("TextVectorization getVocabulary", options, vocabularyOptions);
    const { includeSpecialTokens = true } = options;
    return [...(includeSpecialTokens ? this.#special : []), ...this.#known()];
  }

  /** How many tokens there are, with those for padding and what is unknown: an Embedding's `inputDim`. */
  get vocabularySize(): number {
    return this.#special.length + this.#known().length;
  }

  #known(): readonly string[] {
    if (this.#tokens !== undefined) return this.#tokens;
    throw new ArgumentError(
      "TextVectorization: has no vocabulary yet; call adapt(texts) first, or give one as vocabulary",
    );
  }

  /**
   * A row for each text: i32 [texts, length] of "int", f32 [texts, vocabularySize] of the others (maxTokens with
   * `padToMaxTokens`).
   *
   * @param options the device that they go to; default: the one that is open
   */
  call(texts: readonly string[], options: { device?: Device } = {}): Tensor {
    checkTexts("call", texts);
    checkOptions("TextVectorization call", options, { device: true });
    this.#known();
    const rows = texts.map((text) => this.#tokensOf(text));
    return this.outputMode === "int" ? this.#numbers(rows, options) : this.#columns(rows, options);
  }

  #numbers(rows: readonly (readonly string[])[], options: { device?: Device }): Tensor {
    const longest = rows.reduce((length, row) => Math.max(length, row.length), 0);
    const length = this.outputSequenceLength ?? longest;
    const values = new Int32Array(rows.length * length);
    rows.forEach((row, i) => {
      row.slice(0, length).forEach((token, at) => {
        values[i * length + at] = token === "" ? 0 : (this.#places.get(token) ?? 1);
      });
    });
    return tensor(values, { shape: [rows.length, length], dtype: "i32", ...options });
  }

  #columns(rows: readonly (readonly string[])[], options: { device?: Device }): Tensor {
    const width = this.padToMaxTokens ? (this.maxTokens as number) : this.vocabularySize;
    const values = new Float32Array(rows.length * width);
    rows.forEach((row, i) => {
      for (const token of row) {
        const column = this.#places.get(token) ?? 0;
        if (this.outputMode === "multiHot") values[i * width + column] = 1;
        else values[i * width + column] += 1;
      }
      if (this.outputMode !== "tfIdf") return;
      this.#factors.forEach((factor, column) => {
        values[i * width + column] *= factor;
      });
    });
    return tensor(values, { shape: [rows.length, width], ...options });
  }

  #tokensOf(text: string): readonly string[] {
    const tokens = this.#split(this.#standardize(text));
    if (this.#widths.length === 0) return tokens;
    return this.#widths.flatMap((width) =>
      Array.from({ length: Math.max(tokens.length - width + 1, 0) }, (_, at) =>
        tokens.slice(at, at + width).join(" "),
      ),
    );
  }
}

function functionOf<T, N extends string>(
  what: string,
  given: N | ((text: string) => T) | null,
  named: Readonly<Record<N, (text: string) => T>>,
  otherwise: (text: string) => T,
): (text: string) => T {
  if (given === null) return otherwise;
  if (typeof given === "function") return given;
  return named[choiceOf(`TextVectorization ${what}`, given, Object.keys(named) as N[])];
}

function widthsOf(ngrams: number | readonly number[] | null): readonly number[] {
  if (ngrams === null) return [];
  const widths =
    typeof ngrams === "number"
      ? Array.from({ length: atLeastOne("TextVectorization", "ngrams", ngrams) }, (_, i) => i + 1)
      : ngrams;
  if (!isList(widths) || widths.length === 0) {
    throw new ArgumentError(
      `TextVectorization: ngrams must be a whole number, a list of them, or null, got ${kindOf(ngrams)}`,
    );
  }
  return widths.map((width) => atLeastOne("TextVectorization", "ngrams", width));
}

function checkTexts(what: string, texts: readonly string[]): void {
  if (typeof texts === "string" || !Array.isArray(texts)) {
    const remedy = typeof texts === "string" ? "; put a single one into an array" : "";
    throw new ArgumentError(
      `TextVectorization: ${what} takes an array of strings, got ${kindOf(texts)}${remedy}`,
    );
  }
  const wrong = texts.findIndex((text) => typeof text !== "string");
  if (wrong < 0) return;
  throw new ArgumentError(
    `TextVectorization: ${what} takes an array of strings, got ${kindOf(texts[wrong])} at place ${wrong}; flatten nested arrays`,
  );
}
