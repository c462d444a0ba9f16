// What a person sees of a program that writes to a terminal, and what became of the terminal itself.

/** Control sequences that programs switch the cursor and line wrap with. */
const switches = {
  "\x1b[?25l": "cursor",
  "\x1b[?25h": "cursor",
  "\x1b[?7l": "wrap",
  "\x1b[?7h": "wrap",
} as const;

export class Screen {
  readonly columns: number;
  /** All that was ever written, from the top, without what was drawn over. */
  readonly lines: string[] = [""];
  /** Whether they are as a terminal has them when a program begins. */
  readonly state = { cursor: true, wrap: true };
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): this {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is read here
    for (const [piece] of text.matchAll(/\x1b\[[?\d;]*[A-Za-z]|\x1b[78]|[\s\S]/g)) this.#take(piece);
    return this;
  }

  /** The lines without what is empty at the end. */
  get text(): string {
    return this.lines.join("\n").trimEnd();
  }

  /** Whether the cursor stands at the beginning of a new line, where a prompt would come. */
  get isAtLineStart(): boolean {
    return this.#column === 0 && this.lines[this.#row] === "";
  }

  #take(piece: string): void {
    if (piece === "\r") this.#column = 0;
    else if (piece === "\n") this.#newLine();
    else if (piece === "\x1b[K") this.lines[this.#row] = this.lines[this.#row].slice(0, this.#column);
    else if (piece in switches) this.state[switches[piece as keyof typeof switches]] = piece.endsWith("h");
    else if (!piece.startsWith("\x1b")) this.#put(piece);
    else if (!piece.endsWith("m")) throw new Error(`the screen does not know ${JSON.stringify(piece)}`);
  }

  #put(letter: string): void {
    if (this.#column === this.columns) {
      this.#newLine();
      this.#column = 0;
    }
    const line = this.lines[this.#row].padEnd(this.#column);
    this.lines[this.#row] = line.slice(0, this.#column) + letter + line.slice(this.#column + 1);
    this.#column++;
  }

  #newLine(): void {
    this.#row++;
    this.lines[this.#row] ??= "";
  }
}
