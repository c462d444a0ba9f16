// The editor of a program, which a page loads when somebody wants to edit: CodeMirror, and what makes a module of the text.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { typescriptLanguage } from "@codemirror/lang-javascript";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

export { scriptOf } from "./program.ts";

export interface Editor {
  readonly text: string;
  /** Puts another text in the place of this one; Ctrl+Z takes it back. */
  replace(text: string): void;
  /** Marks a line, from 1, as the one that failed, until the text changes; undefined: none. */
  blame(line: number | undefined): void;
  focus(): void;
}

export interface EditorOptions {
  readonly text: string;
  /** What screen readers call it. */
  readonly label: string;
  /** The element that says how it is used. */
  readonly describedBy: string;
  onChange(text: string): void;
  /** Ctrl+Enter. */
  onRun(): void;
}

const blame = StateEffect.define<number | undefined>();
const blamed = StateField.define({
  create: () => Decoration.none,
  update(marks, { docChanged, effects, state }) {
    const effect = effects.find((one) => one.is(blame));
    if (effect !== undefined) {
      const line = effect.value as number | undefined;
      if (line === undefined || line < 1 || line > state.doc.lines) return Decoration.none;
      return Decoration.set(Decoration.line({ class: "blamed" }).range(state.doc.line(line).from));
    }
    return docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export function openEditor(parent: Element, options: EditorOptions): Editor {
  const run = () => {
    options.onRun();
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        indentOnInput(),
        indentUnit.of("  "),
        typescriptLanguage,
        syntaxHighlighting(classHighlighter),
        blamed,
        // Tab goes on to the buttons, as everywhere on the page.
        keymap.of([{ key: "Mod-Enter", run }, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({
          "aria-label": options.label,
          "aria-describedby": options.describedBy,
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    get text() {
      return view.state.doc.toString();
    },
    replace(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    blame(line) {
      view.dispatch({ effects: blame.of(line) });
    },
    focus() {
      view.focus();
    },
  };
}
