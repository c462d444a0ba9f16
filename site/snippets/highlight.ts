// Programs in colours: pieces of text, each with the class that says what it is. Pages are written with it, and views that load it.

import { classHighlighter, highlightCode } from "@lezer/highlight";
import { parser as javascript } from "@lezer/javascript";
import { parser as python } from "@lezer/python";

const parsers = { typescript: javascript.configure({ dialect: "ts" }), python };

export interface Piece {
  readonly text: string;
  /** Empty where it has no colour of its own. */
  readonly classes: string;
}

export function highlighted(code: string, language: keyof typeof parsers): Piece[] {
  const pieces: Piece[] = [];
  const put = (text: string, classes: string) => void pieces.push({ text, classes });
  highlightCode(code, parsers[language].parse(code), classHighlighter, put, () => put("\n", ""));
  return pieces;
}
