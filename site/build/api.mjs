// The API reference: every public name of each entry with its declaration, and what its comment in the sources says.

import fs from "node:fs";
import path from "node:path";
import { Marked } from "marked";
import { root } from "../../scripts/setup.mjs";
import { closedOnPhones, escapeHtml, searchBox, write } from "./docs.mjs";
import { pageHtml } from "./page.mjs";

/**
 * @param {string} out
 * @returns {import("./docs.mjs").Entry[]}
 */
export function writeApi(out) {
  const comments = commentsOf(["engine", "optim", "nn", "data"]);
  const sections = fs
    .readFileSync(path.join(root, "test", "public-api.txt"), "utf8")
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [entry, ...lines] = section.split("\n");
      const names = lines.flatMap((line) => {
        const [, name, declaration] = /^([\w.]+): (.*)$/.exec(line) ?? [];
        return name === undefined ? [] : [{ name, declaration }];
      });
      return { entry, names };
    });
  const fileOf = (entry) => `${entry.replace("/", "-")}.html`;
  const nav = (here) =>
    `<nav class="docs-nav" aria-label="API">${searchBox}<details open><summary>Entries</summary><ul>${sections
      .map(
        ({ entry }) =>
          `<li><a href="${fileOf(entry)}"${entry === here ? ' aria-current="page"' : ""}>${entry}</a></li>`,
      )
      .join("")}</ul></details>${closedOnPhones}</nav>`;
  const entries = [];
  for (const { entry, names } of sections) {
    const items = names.map(({ name, declaration }) => {
      const text = comments.get(name) ?? "";
      entries.push({
        url: `api/${fileOf(entry)}#${name}`,
        title: entry,
        heading: name,
        text: text.slice(0, 200),
      });
      return `<section class="name" id="${name}"><h2><a href="#${name}">${name}</a></h2>
<pre tabindex="0"><code>${escapeHtml(laidOut(declaration))}</code></pre>
${markdown(text)}</section>`;
    });
    const list = names.map(({ name }) => `<a href="#${name}">${name}</a>`).join(" ");
    const body = `<div class="docs">${nav(entry)}<main id="main" class="prose"><h1>${entry}</h1>
<p><code>import { … } from "${entry}"</code>: ${names.length} names.</p>
<details class="parts"><summary>All names</summary><p class="names">${list}</p></details>
${items.join("\n")}</main></div>`;
    write(
      out,
      `api/${fileOf(entry)}`,
      pageHtml({ way: "../", place: "api", title: entry, script: "docs", body }),
    );
  }
  const cards = sections.map(
    ({ entry, names }) =>
      `<li><a href="${fileOf(entry)}"><strong>${entry}</strong><span>${names.length} names</span></a></li>`,
  );
  const body = `<main id="main"><h1>API</h1><div class="wide-search">${searchBox}</div><ul class="cards">${cards.join("")}</ul></main>`;
  write(out, "api/index.html", pageHtml({ way: "../", place: "api", title: "API", script: "docs", body }));
  return entries;
}

const marked = new Marked({
  renderer: { link: ({ text }) => escapeHtml(text), image: () => "", html: ({ text }) => escapeHtml(text) },
});

/** A comment's text, its tags as a list. */
function markdown(text) {
  if (text === "") return "";
  const [body, ...tags] = text.split(/^@/m);
  const items = tags.map((tag) => {
    const [, kind, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
    return `<li><em>${kind}</em> ${marked.parseInline(rest ?? "")}</li>`;
  });
  const list = items.length === 0 ? "" : `<ul>${items.join("")}</ul>`;
  return marked.parse(body.replace(/\{@link (\w+)\}/g, "`$1`")) + list;
}

/** The members of an interface or a class on lines of their own. */
function laidOut(declaration) {
  if (declaration.length < 110) return declaration;
  let depth = 0;
  let text = "";
  for (let i = 0; i < declaration.length; i++) {
    const letter = declaration[i];
    if ("{(<[".includes(letter)) depth++;
    if ("})]".includes(letter) || (letter === ">" && declaration[i - 1] !== "=")) depth--;
    text += letter;
    if (letter === "{" && depth === 1) text += "\n ";
    if (letter === ";" && depth === 1 && i < declaration.length - 3) text += "\n ";
  }
  return text.replace(/ \}$/, "\n}");
}

/** What stands above each exported declaration, by its name. */
function commentsOf(folders) {
  const found = new Map();
  const pattern =
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/ biome-ignore[^\n]*\n\s*)?export (?:declare )?(?:abstract )?(?:async )?(?:function|class|const|interface|type) (\w+)/g;
  for (const folder of folders) {
    for (const name of fs.readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts")) continue;
      const text = fs.readFileSync(path.join(root, folder, name), "utf8");
      for (const [, comment, declared] of text.matchAll(pattern)) {
        if (found.has(declared) || comment.includes("@internal")) continue;
        found.set(declared, comment.replace(/^\s*\* ?/gm, "").trim());
      }
    }
  }
  return found;
}
