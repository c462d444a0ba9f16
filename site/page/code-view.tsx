// The set-up as a program: in TypeScript with gradgpu, and in Python with Keras.

import { useState } from "preact/hooks";
import { kerasCode } from "../setup/code-keras.ts";
import { typescriptCode } from "../setup/code-typescript.ts";
import { makePoints } from "../setup/points.ts";
import { isPointSet } from "../setup/setup.ts";
import { highlighted } from "../snippets/highlight.ts";
import { saveFile } from "./files.ts";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

export function CodeView() {
  const { state } = useStore("setup", "own", "file");
  const { setup, file } = state;
  const data = specOfState(state);
  const [language, choose] = useState<"typescript" | "keras">("typescript");
  const [isCopied, setCopied] = useState(false);
  const code = language === "typescript" ? typescriptCode(setup, data) : kerasCode(setup, data);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      getSelection()?.selectAllChildren(document.getElementById("code") as HTMLElement);
    }
  };
  return (
    <div class="code">
      <div class="code-head">
        <fieldset class="segments">
          <legend class="visually-hidden">Language</legend>
          <button type="button" aria-pressed={language === "typescript"} onClick={() => choose("typescript")}>
            TypeScript
          </button>
          <button type="button" aria-pressed={language === "keras"} onClick={() => choose("keras")}>
            Keras
          </button>
        </fieldset>
        <button type="button" class="button small" onClick={copy}>
          {isCopied ? "Copied" : "Copy"}
        </button>
        {isPointSet(setup.data) && (
          <button
            type="button"
            class="button small"
            onClick={() =>
              isPointSet(setup.data) && saveFile(`${setup.data}.csv`, pointsCsv(state), "text/csv")
            }
          >
            Save the points as CSV
          </button>
        )}
      </div>
      {file !== undefined && (
        <p class="hint">
          The net in training is out of {file}; this program makes one of the set-up's layers.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keys */}
      <pre id="code" tabIndex={0}>
        {highlighted(code, language === "keras" ? "python" : language).map(({ text, classes }) =>
          classes === "" ? text : <span class={classes}>{text}</span>,
        )}
      </pre>
    </div>
  );
}

function pointsCsv({ setup }: { setup: import("../setup/setup.ts").Setup }): string {
  if (!isPointSet(setup.data)) return "";
  const { x, y } = makePoints(setup.data, setup.samples, setup.noise, setup.seed);
  const rows = Array.from(y, (target, i) => `${x[2 * i]},${x[2 * i + 1]},${target}`);
  return `x,y,target\n${rows.join("\n")}\n`;
}
