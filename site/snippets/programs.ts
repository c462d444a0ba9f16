// The programs of a page: each runs where it stands, can be edited there, and says below what it prints, as text.

import type { Editor } from "./editor.ts";
import { keepText, keptText } from "./kept-text.ts";
import type { Library } from "./program.ts";
import { runProgram } from "./running.ts";
import { lineOf, withNames } from "./told.ts";

const loadEditor = () => import("./editor.ts");

/** Has the buttons of each program do what they say. */
export function watchPrograms(): void {
  const library = libraryOfPage();
  for (const place of document.querySelectorAll<HTMLElement>(".snippet")) new Program(place, library);
}

/** The library's modules by name, as addresses: a program made from a text is a module without a place. */
function libraryOfPage(): Library {
  const { library = "{}" } = document.querySelector<HTMLElement>("[data-library]")?.dataset ?? {};
  const places = Object.entries(JSON.parse(library) as Library);
  return Object.fromEntries(places.map(([name, place]) => [name, new URL(place, location.href).href]));
}

class Program {
  readonly #place: HTMLElement;
  readonly #library: Library;
  readonly #run: HTMLButtonElement;
  readonly #edit: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  readonly #state: HTMLElement;
  readonly #output: HTMLElement;
  readonly #shown: HTMLPreElement;
  readonly #original: string;
  #editor: Editor | undefined;
  #end: (() => void) | undefined;
  /** Ends the thread of a run that has ended. */
  #leave: (() => void) | undefined;

  constructor(place: HTMLElement, library: Library) {
    const find = <T extends HTMLElement>(selector: string) => place.querySelector(selector) as T;
    [this.#place, this.#library] = [place, library];
    this.#run = find("[data-program]");
    this.#edit = find("[data-does=edit]");
    this.#reset = find("[data-does=reset]");
    this.#state = find(".snippet-state");
    this.#output = find("output");
    this.#shown = find("pre");
    this.#original = this.#shown.textContent ?? "";
    if (keptText(this.#about) !== undefined) this.#name(this.#edit, "Go on editing");
    this.#run.addEventListener("click", () => this.#toggle());
    this.#edit.addEventListener("click", () => void this.#open());
    this.#reset.addEventListener("click", () => this.#putBack());
  }

  get #about(): string {
    return this.#run.dataset.about as string;
  }

  get #text(): string {
    return this.#editor?.text ?? this.#original;
  }

  async #open(): Promise<void> {
    if (this.#editor !== undefined) return this.#editor.focus();
    // What takes room comes with the click, so that nothing moves when the editor is here.
    const text = keptText(this.#about) ?? this.#original;
    const help = helpLine();
    if (text !== this.#original) this.#shown.textContent = text;
    this.#shown.after(help);
    this.#edit.hidden = true;
    this.#reset.hidden = false;
    this.#reset.disabled = true;
    this.#say("The editor is being loaded…");
    let openEditor: typeof import("./editor.ts").openEditor;
    try {
      ({ openEditor } = await loadEditor());
    } catch {
      help.remove();
      this.#edit.hidden = false;
      this.#reset.hidden = true;
      this.#say("The editor could not be loaded. Try again, or reload the page.");
      this.#edit.focus();
      return;
    }
    const box = document.createElement("div");
    box.className = "editor";
    box.style.minHeight = `${this.#shown.offsetHeight}px`;
    this.#editor = openEditor(box, {
      text,
      label: `Program: ${this.#about}`,
      describedBy: help.id,
      onChange: (changed) => {
        box.style.minHeight = "";
        this.#keep(changed);
      },
      onRun: () => this.#start(),
    });
    this.#shown.replaceWith(box);
    this.#reset.disabled = this.#text === this.#original;
    this.#say("");
    this.#editor.focus();
  }

  #keep(text: string): void {
    const isOwn = text !== this.#original;
    const isKept = keepText(this.#about, isOwn ? text : undefined);
    this.#reset.disabled = !isOwn;
    if (this.#end !== undefined) return;
    this.#say(
      isKept || !isOwn ? "" : "This browser keeps nothing for the page: your text goes when the page does.",
    );
  }

  #putBack(): void {
    this.#editor?.replace(this.#original);
    this.#say("The program is as it was. Ctrl+Z in it brings yours back.");
    // A button that is disabled loses the focus.
    this.#editor?.focus();
  }

  #toggle(): void {
    if (this.#end === undefined) this.#start();
    else {
      this.#end();
      this.#ended("Stopped.");
    }
  }

  #start(): void {
    this.#end?.();
    // What an earlier run has left is not heard any more.
    this.#leave?.();
    this.#output.textContent = "";
    this.#output.hidden = false;
    this.#output.classList.remove("failed");
    this.#editor?.blame(undefined);
    this.#say("It runs…");
    this.#name(this.#run, "Stop");
    this.#place.dataset.state = "running";
    const text = this.#text;
    let isWanted = true;
    this.#end = () => {
      isWanted = false;
    };
    void this.#moduleOf(text).then(
      (url) => {
        if (!isWanted) return;
        const stop = runProgram(url, {
          print: (printed) => print(this.#output, printed),
          onWait: (seconds) => this.#say(`${this.#took(seconds)} Its timers go on…`),
          onEnd: ({ failure, seconds }) => {
            URL.revokeObjectURL(url);
            if (failure === undefined) return this.#ended(this.#took(seconds));
            const line = lineOf(`${failure.stack}\n${failure.text}`, text);
            this.#fail(text, withNames(failure.text, this.#library), line);
          },
        });
        this.#end = () => {
          stop();
          URL.revokeObjectURL(url);
        };
        this.#leave = stop;
      },
      (error: Error & { line?: number }) => {
        if (isWanted) this.#fail(text, `${error.name}: ${error.message}`, error.line);
      },
    );
  }

  #took(seconds: number): string {
    return `${this.#output.textContent === "" ? "It printed nothing; it" : "It"} took ${seconds.toFixed(1)} s.`;
  }

  /** The page's own is a file of the site. */
  async #moduleOf(text: string): Promise<string> {
    if (text === this.#original) return new URL(this.#run.dataset.program as string, location.href).href;
    const { scriptOf } = await loadEditor();
    return URL.createObjectURL(new Blob([scriptOf(text, this.#library)], { type: "text/javascript" }));
  }

  #fail(text: string, said: string, line: number | undefined): void {
    print(this.#output, said);
    const source = line === undefined ? undefined : text.split("\n")[line - 1];
    if (source !== undefined) print(this.#output, `Line ${line}: ${source.trim()}`);
    this.#output.classList.add("failed");
    this.#editor?.blame(line);
    this.#ended(`It ended with an error${line === undefined ? "" : ` in line ${line}`}.`);
  }

  #ended(said: string): void {
    this.#end = undefined;
    this.#say(said);
    this.#name(this.#run, "Run");
    this.#place.dataset.state = "ended";
  }

  #say(text: string): void {
    this.#state.textContent = text;
  }

  /** Pages have many: each says which program it means. */
  #name(button: HTMLButtonElement, does: string): void {
    button.textContent = does;
    button.ariaLabel = `${does}: ${this.#about}`;
  }
}

function helpLine(): HTMLElement {
  const help = document.createElement("p");
  help.className = "editor-help";
  help.id = `help-${Math.random().toString(36).slice(2)}`;
  help.textContent =
    "Ctrl+Enter (on a Mac ⌘+Enter) runs it, Tab goes on to the buttons. Types are taken away, not checked.";
  return help;
}

/** As text, a line below what is there. */
function print(output: HTMLElement, text: string): void {
  output.append(output.firstChild === null ? text : `\n${text}`);
}
