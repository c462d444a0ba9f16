// Text from outside, such as names and files, as a terminal may be given it.

/** Control characters, and those that turn the direction of text: they would move the cursor or hide what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** The text with its control characters shown as in "\x1b"; line ends and tabs stay where `keepsLines`. */
export const printable = (text: string, keepsLines = false): string =>
  text.replace(unprintable, (character) => {
    if (keepsLines && (character === "\n" || character === "\t")) return character;
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
