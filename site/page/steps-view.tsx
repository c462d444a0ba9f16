// The stepper of one batch: its page in a frame of its own.

import { useTheme } from "./canvas.ts";
import { useStore } from "./use-store.ts";

export function StepsView() {
  const { store, state } = useStore("walk", "problems");
  const { walk, problems } = state;
  useTheme();
  // A frame does not know what the page's button has chosen.
  const { theme } = document.documentElement.dataset;
  const shown = theme === undefined ? walk : walk?.replace("<html ", `<html data-theme="${theme}" `);
  const problem = problems.find(({ about }) => about === "walk");
  return (
    <div class="steps">
      <p class="hint">
        Two samples go forward through every op, and their gradient comes back, with the numbers of this net.{" "}
        <button type="button" class="link" onClick={() => store.askWalk()}>
          Take them anew
        </button>
      </p>
      {problem !== undefined && <p class="problem">{problem.text}</p>}
      {shown === undefined ? (
        <p class="hint">{problem === undefined ? "The ops of one batch are being recorded…" : ""}</p>
      ) : (
        <iframe title="One batch, step by step" sandbox="allow-scripts" srcdoc={shown} class="walk" />
      )}
    </div>
  );
}
