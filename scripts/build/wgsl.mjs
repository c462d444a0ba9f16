// Shaders as the package ships them: without comments and needless blanks. Names stay, and each declaration begins a line,
// because specialising finds declarations by name.

/** Beside these a blank says nothing. */
const SEPARATOR = /[(){}[\],;:]/;
/** Beside these neither, but between two of them: `a - -b` is not `a--b`, and `array<f32> =` has no `>=`. */
const OPERATOR = /[=+\-*/%<>&|^!]/;

/**
 * `source` without comments, blank lines and needless blanks. One blank of indentation stays, because specialising tells
 * a file's own declarations from those inside functions by it.
 */
export function minifyWgsl(source) {
  const lines = withoutComments(source).split("\n").map(tighten);
  const text = lines
    .filter((line) => line.trim() !== "")
    .join("\n")
    .replace(/([;{},])\n (?=\S)/g, "$1")
    // Commas behind the last of a list, and zeros behind a point.
    .replace(/,(?=\n?[)}])/g, "")
    .replace(/\b(\d+\.)0(?![\d.e])/g, "$1");
  return `${text}\n`;
}

/** Comments become a blank, so that what they part stays apart. */
function withoutComments(source) {
  let text = "";
  for (let i = 0; i < source.length; ) {
    if (source.startsWith("//", i)) {
      const end = source.indexOf("\n", i);
      i = end < 0 ? source.length : end;
    } else if (source.startsWith("/*", i)) {
      i = endOfComment(source, i);
      text += " ";
    } else {
      text += source[i++];
    }
  }
  return text;
}

/** WGSL's block comments nest. */
function endOfComment(source, start) {
  let depth = 1;
  let i = start + 2;
  for (; depth > 0 && i < source.length; i++) {
    if (source.startsWith("/*", i)) depth++;
    else if (source.startsWith("*/", i)) depth--;
    else continue;
    i++;
  }
  return i;
}

function tighten(line) {
  let text = /^\s/.test(line) ? " " : "";
  for (const piece of line.trim().split(/\s+/)) {
    text += text.trim() !== "" && areApart(text.at(-1), piece[0] ?? "") ? ` ${piece}` : piece;
  }
  return text;
}

/** Whether a blank between two characters must stay. */
const areApart = (before, after) =>
  !SEPARATOR.test(before) && !SEPARATOR.test(after) && OPERATOR.test(before) === OPERATOR.test(after);
