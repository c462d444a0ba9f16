// The API reference: every public name of each entry with its declaration, and what its comment in the sources says.

import fs from "node:fs";
import path from "node:path";
import { Marked } from "marked";
import { root } from "../../scripts/setup.mjs";
import { readDeclarations } from "./declarations.mjs";
import { closedOnPhones, searchBox, write } from "./docs.mjs";
import { escapeHtml } from "./html.mjs";
import { pageHtml } from "./page.mjs";

/** Pages of the docs in which a name's programs are shown. */
const mostPages = 4;

/**
 * @param {string} out
 * @param {readonly import("./docs.mjs").Entry[]} docs What stands in the docs, with its programs
 * @returns {import("./docs.mjs").Entry[]}
 */
export function writeApi(out, docs) {
  const declared = readDeclarations(["engine", "optim", "nn", "data"]);
  const sections = fs
    .readFileSync(path.join(root, "test", "public-api.txt"), "utf8")
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [entry, ...lines] = section.split("\n");
      const names = lines.flatMap((line) => {
        const [, name, declaration] = /^([\w.]+): (.*)$/.exec(line) ?? [];
        if (name === undefined) return [];
        // What a name holds has a line each: `activations: relu: export declare const relu`.
        const [, inside, rest] = /^(\w+): export (?:declare )?(.*)$/.exec(declaration) ?? [];
        return [
          inside === undefined
            ? { name, declarations: [declaration], declared: name }
            : { name: `${name}.${inside}`, declarations: [rest], declared: inside },
        ];
      });
      return { entry, names: overloadsTogether(names) };
    });
  const fileOf = (entry) => `${entry.replace("/", "-")}.html`;
  const nav = (here) =>
    `<nav class="docs-nav" aria-label="API">${searchBox}<details open><summary>Entries</summary><ul>${sections
      .map(
        ({ entry }) =>
          `<li><a href="${fileOf(entry)}"${entry === here ? ' aria-current="page"' : ""}>${entry}</a></li>`,
      )
      .join("")}</ul></details>${closedOnPhones}</nav>`;
  const placeOf = new Map(
    sections.flatMap(({ entry, names }) => names.map(({ name }) => [name, `${fileOf(entry)}#${name}`])),
  );
  const linked = (code, own = "") =>
    escapeHtml(code).replace(/(?<![\w."&])[A-Za-z]\w+\b(?!\??:)/g, (word) =>
      /^[A-Z]/.test(word) && word !== own && placeOf.has(word)
        ? `<a href="${placeOf.get(word)}">${word}</a>`
        : word,
    );
  const entries = [];
  for (const { entry, names } of sections) {
    const items = names.map(({ name, declarations, declared: own }) => {
      const [declaration] = declarations;
      const source = sourceOf(declared, own, declaration);
      const text = source?.comment ?? "";
      const all = source === undefined ? [] : allMembers(declared, source, placeOf);
      // What has a place of its own is explained there.
      const [members, inherited] = [
        all.filter((one) => !placeOf.has(one.from)),
        all.filter((one) => placeOf.has(one.from)),
      ];
      entries.push({
        url: `api/${fileOf(entry)}#${name}`,
        title: entry,
        heading: name,
        text: [text.slice(0, 200), ...members.map((member) => member.name)].join(" "),
      });
      const [, kind] = /^(?:abstract )?(\w+)/.exec(declaration);
      return `<section class="name" id="${name}"><h2><a href="#${name}">${name}</a> <span class="kind">${kind}</span></h2>
<pre tabindex="0"><code>${declarations.map((each) => linked(laidOut(each.replace("#private; ", "")), name)).join("\n")}</code></pre>
${markdown(text)}${memberList(members, linked)}${inheritedList(inherited, placeOf)}${wherefrom(source, pagesWith(name, docs))}</section>`;
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
  renderer: {
    link: ({ text }) => escapeHtml(text),
    image: () => "",
    html: ({ text }) => escapeHtml(text),
    code: ({ text }) => `<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>\n`,
  },
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

/** A function that is declared several times is one name. */
function overloadsTogether(names) {
  const found = new Map();
  for (const one of names) {
    const before = found.get(one.name)?.declarations ?? [];
    found.set(one.name, { ...one, declarations: [...before, ...one.declarations] });
  }
  return [...found.values()];
}

/** Of what the sources call so, that which is of the kind of the public declaration; one with a comment first. */
function sourceOf(declared, name, declaration) {
  const [, kind] = /^(?:abstract )?(\w+)/.exec(declaration);
  const isKind = (one) => one.kind === kind || ["function", "const"].includes(one.kind + kind);
  const found = (declared.get(name) ?? []).filter((one) => !one.comment.includes("@internal"));
  const alike = found.filter(isKind);
  return (alike.length > 0 ? alike : found).toSorted((a, b) => (b.comment !== "") - (a.comment !== ""))[0];
}

/** Its own members, and those that it inherits and does not say anew. */
function allMembers(declared, source, placeOf, seen = new Set()) {
  const found = new Map(source.members.map((member) => [member.name, member]));
  for (const { name, without, only } of source.bases) {
    const base = (declared.get(name) ?? []).find(({ kind }) => kind === source.kind);
    if (base === undefined || seen.has(name)) continue;
    for (const member of allMembers(declared, base, placeOf, new Set([...seen, name]))) {
      const isTaken = !without.includes(member.name) && (only?.includes(member.name) ?? true);
      // One without a comment is explained where it was declared first.
      const own = found.get(member.name);
      if (isTaken && (own === undefined || own.comment === ""))
        found.set(
          member.name,
          own === undefined
            ? { ...member, from: placeOf.has(name) ? name : (member.from ?? name) }
            : { ...own, comment: member.comment },
        );
    }
  }
  return [...found.values()];
}

const memberList = (members, linked) =>
  members.length === 0
    ? ""
    : `<dl class="members">${members
        .map(({ text, comment }) => `<dt><code>${linked(text)}</code></dt><dd>${markdown(comment)}</dd>`)
        .join("\n")}</dl>`;

/** The names of members that a public base explains, base by base. */
const inheritedList = (members, placeOf) =>
  [...new Set(members.map(({ from }) => from))]
    .map((base) => {
      const names = members.filter(({ from }) => from === base).map(({ name }) => `<code>${name}</code>`);
      return `<p class="inherited">From <a href="${placeOf.get(base)}">${base}</a>: ${names.join(", ")}</p>`;
    })
    .join("");

/** Where the docs' programs use it, in the order in which one reads. */
function pagesWith(name, docs) {
  const word = new RegExp(`\\b${name.replace(".", "\\.")}\\b`);
  const own = docs.find(({ url, heading }) => url.startsWith("docs/ops.html") && heading === name);
  const pages = new Map(own === undefined ? [] : [[own.title, own.url]]);
  for (const { url, title, code = "" } of docs)
    if (!pages.has(title) && pages.size < mostPages && word.test(code)) pages.set(title, url);
  return [...pages];
}

function wherefrom(source, pages) {
  const links = pages.map(([title, url]) => `<a href="../${url}">${escapeHtml(title)}</a>`);
  const parts = [
    ...(source === undefined ? [] : [`<code>${source.file}:${source.line}</code>`]),
    ...(links.length === 0 ? [] : [`Used in ${links.join(", ")}`]),
  ];
  return parts.length === 0 ? "" : `<p class="wherefrom">${parts.join(" · ")}</p>`;
}
