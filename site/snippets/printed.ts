// How much of what a program prints leaves its thread: a page has to stay alive under a loop that prints without end.

/** Characters that a page shows of one run, ends of lines among them. */
export const mostPrinted = 20_000;
/** Of the sentence with which a program ends by an error. */
const mostSaid = 2000;

/** Gives each text on until there were too many, and then says so once. */
export function bounded(print: (text: string) => void, most = mostPrinted): (text: string) => void {
  let left = most;
  return (text) => {
    if (left <= 0) return;
    // The empty line counts too.
    left -= text.length + 1;
    print(left < 0 ? text.slice(0, left) : text);
    if (left <= 0) print("… the rest is left out");
  };
}

export const shortened = (text: string): string =>
  text.length > mostSaid ? `${text.slice(0, mostSaid)}…` : text;

/** The places in a stack trace: they stand behind the message, which may be of any length. */
export const endOfStack = (stack: string): string => stack.slice(-2 * mostSaid);
