// ECharts' SVG made fit to keep: the same text every time, with names that no other picture on a page has, and readable
// to those who can't see it.

import { hash } from "../../engine/internal.ts";

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[mark] as string,
  );

/** @param label what the picture shows */
export function finished(svg: string, label: string): string {
  // What lights up under a pointer: there is none over a file.
  const still = svg.replace(/<style\b[\s\S]*?<\/style>/g, "").replace(/ class="[^"]*"/g, "");
  // ECharts counts the charts of a process, and the ids within.
  const seen = new Map<string, string>();
  const numbered = still.replace(/\bzr\d+-[a-z]*-?\w*/g, (id) => {
    if (!seen.has(id)) seen.set(id, `zr-${seen.size}`);
    return seen.get(id) as string;
  });
  const own = numbered.replace(/\bzr-(\d+)/g, `c${hash(numbered)}-$1`);
  const named = own.replace(/^<svg /, `<svg role="img" aria-label="${escaped(label)}" `);
  // Pixels of pictures stay pixels; resvg reads the attribute, browsers the style.
  return named.replace(
    /<image /g,
    '<image image-rendering="optimizeSpeed" style="image-rendering:pixelated" ',
  );
}
