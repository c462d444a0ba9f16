// What pages of text do: search as one types, run programs, and the theme's button.

import { watchPrograms } from "../snippets/programs.ts";
import { startPage } from "./every-page.ts";
import "../style/main.css";

interface Entry {
  readonly url: string;
  readonly title: string;
  readonly heading: string;
  readonly text: string;
}

startPage();
watchPrograms();
for (const frame of document.querySelectorAll<HTMLIFrameElement>("iframe.walk")) {
  // A frame does not know what the page's button has chosen.
  const color = () => {
    const inner = frame.contentDocument?.documentElement;
    const { theme } = document.documentElement.dataset;
    if (theme === undefined) inner?.removeAttribute("data-theme");
    else inner?.setAttribute("data-theme", theme);
  };
  // It would be far on by the time that the reader comes to it.
  const { src } = frame.dataset;
  if (src !== undefined) {
    const observer = new IntersectionObserver(
      ([{ isIntersecting }]) => {
        if (!isIntersecting) return;
        frame.src = src;
        observer.disconnect();
      },
      { threshold: 0.3 },
    );
    observer.observe(frame);
  }
  color();
  frame.addEventListener("load", color);
  new MutationObserver(color).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
const way = document.documentElement.dataset.way ?? "./";
const field = document.getElementById("search-field") as HTMLInputElement | null;
const list = document.getElementById("found");
let entries: Promise<readonly Entry[]> | undefined;

/** Fetched when somebody searches. */
function load(): Promise<readonly Entry[]> {
  entries ??= fetch(`${way}search.json`).then((response) => response.json());
  entries.catch(() => {
    entries = undefined;
  });
  return entries;
}

function scoreOf({ title, heading, text }: Entry, words: readonly string[]): number {
  let score = 0;
  for (const word of words) {
    const inHeading = heading.toLowerCase().includes(word);
    const inTitle = title.toLowerCase().includes(word);
    const inText = text.toLowerCase().includes(word);
    if (!inHeading && !inTitle && !inText) return 0;
    score += (inHeading ? 6 : 0) + (inTitle ? 3 : 0) + (inText ? 1 : 0);
    if (heading.toLowerCase().split(/\W+/).includes(word)) score += 4;
  }
  return score;
}

async function search(): Promise<void> {
  if (field === null || list === null) return;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    list.replaceChildren();
    return;
  }
  let found: readonly Entry[];
  try {
    found = await load();
  } catch {
    list.replaceChildren(line("The list of pages could not be loaded; try again."));
    return;
  }
  const best = found
    .map((entry) => ({ entry, score: scoreOf(entry, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, 12);
  list.replaceChildren(
    ...(best.length === 0 ? [line("Nothing was found.")] : best.map(({ entry }) => itemOf(entry))),
  );
}

function line(text: string): HTMLLIElement {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

function itemOf({ url, title, heading }: Entry): HTMLLIElement {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `${way}${url}`;
  link.textContent = heading === "" ? title : `${title}: ${heading}`;
  item.append(link);
  return item;
}

field?.addEventListener("input", () => void search());
