// The Run buttons below programs of the docs: what a program prints stands below it, as text.

import type { FromProgram, ToProgram } from "./worker.ts";

/** Characters of what is printed that a page shows. */
const most = 20_000;

/** Has each button of the page run its program, and end it. */
export function watchRunButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-program]")) {
    let end: (() => void) | undefined;
    button.addEventListener("click", () => {
      if (end === undefined) end = start(button, () => (end = undefined));
      else end();
    });
  }
}

/** @returns what ends the program */
function start(button: HTMLButtonElement, onEnd: () => void): () => void {
  const snippet = button.closest(".snippet") as HTMLElement;
  const output = snippet.querySelector("output") as HTMLOutputElement;
  const state = snippet.querySelector(".snippet-state") as HTMLElement;
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const begun = performance.now();
  const end = (said: string, failure = "") => {
    worker.terminate();
    state.textContent = said;
    output.classList.toggle("failed", failure !== "");
    if (failure !== "") print(output, failure);
    name(button, "Run");
    snippet.dataset.state = "ended";
    onEnd();
  };
  worker.addEventListener("message", ({ data }: MessageEvent<FromProgram>) => {
    if (data.kind === "printed") print(output, data.text);
    if (data.kind === "failed") end("It ended with an error.", data.text);
    if (data.kind === "ended")
      end(
        `${output.textContent === "" ? "It printed nothing; it" : "It"} took ${((performance.now() - begun) / 1000).toFixed(1)} s.`,
      );
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    end("It ended with an error.", event.message || "The program could not be loaded: reload the page.");
  });
  output.textContent = "";
  output.hidden = false;
  output.classList.remove("failed");
  state.textContent = "It runs…";
  name(button, "Stop");
  snippet.dataset.state = "running";
  const message: ToProgram = {
    url: new URL(button.dataset.program as string, location.href).href,
    device: new URLSearchParams(location.search).get("device") === "cpu" ? "cpu" : "auto",
  };
  worker.postMessage(message);
  return () => end("Stopped.");
}

/** Pages have many: each says which program it means. */
function name(button: HTMLButtonElement, does: string): void {
  button.textContent = does;
  button.ariaLabel = `${does}: ${button.dataset.about}`;
}

function print(output: HTMLElement, text: string): void {
  const before = output.textContent ?? "";
  if (before.length > most) return;
  const all = before === "" ? text : `${before}\n${text}`;
  output.textContent = all.length > most ? `${all.slice(0, most)}\n… the rest is left out` : all;
}
