// Text as markup: what a page shows is never markup of somebody else's.

const named = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** @param {string} text */
export const escapeHtml = (text) => text.replace(/[&<>"]/g, (letter) => named[letter]);

/**
 * A program in its colours.
 *
 * @param {readonly import("../snippets/highlight.ts").Piece[]} pieces
 */
export const coloured = (pieces) =>
  pieces
    .map(({ text, classes }) =>
      classes === "" ? escapeHtml(text) : `<span class="${classes}">${escapeHtml(text)}</span>`,
    )
    .join("");
