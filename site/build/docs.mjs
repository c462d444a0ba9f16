// docs/ as pages of the site: Markdown rendered, links and pictures kept, a contents list beside, and words to search by.

import fs from "node:fs";
import path from "node:path";
import { Marked } from "marked";
import { root } from "../../scripts/setup.mjs";
import { coloured, escapeHtml } from "./html.mjs";
import { pageHtml } from "./page.mjs";
import { Snippets } from "./snippets.mjs";

/** The order in which a newcomer reads; all others follow by name. */
const first = [
  "concepts",
  "training",
  "layers",
  "optimizers",
  "ops",
  "data",
  "datasets",
  "saving",
  "diagnosis",
  "workers",
  "migration",
  "pytorch",
  "runtimes",
  "tensors",
  "autograd",
  "jit",
];

/** What is made by machines and read by them. */
const left = new Set(["gpu.md"]);

/** @typedef {{ url: string, title: string, heading: string, text: string, code?: string }} Entry `code`: its programs */

/**
 * @param {string} out The site's folder
 * @param {ReadonlyMap<string, string>} modules Those of the library, which the pages' programs import
 * @param {typeof import("../snippets/at-build.ts")} made
 * @returns {{ entries: Entry[], snippets: Snippets }} what the search finds, and the programs of the pages
 */
export function writeDocs(out, modules, { scriptOf, highlighted }) {
  const snippets = new Snippets(out, modules, scriptOf);
  const context = { snippets, modules, highlighted };
  const docs = path.join(root, "docs");
  const files = fs.readdirSync(docs).filter((name) => name.endsWith(".md") && !left.has(name));
  const order = (name) => (first.indexOf(name) + first.length + 1) % (first.length + 1);
  const names = files
    .map((file) => file.slice(0, -3))
    .sort((a, b) => order(a) - order(b) || a.localeCompare(b));
  const pages = names.map((name) => readPage(path.join(docs, `${name}.md`), docs, context));
  const lessons = fs
    .readdirSync(path.join(docs, "lessons"))
    .filter((file) => file.endsWith(".md") && file !== "README.md")
    .map((file) => readPage(path.join(docs, "lessons", file), docs, context));
  const contents = pages.map(({ name, title }) => ({ url: `${name}.html`, title }));
  for (const page of pages)
    write(out, `docs/${page.name}.html`, docsPage(page, "../", contents, `${page.name}.html`));
  const lessonLinks = lessons.map(({ name, title }) => ({ url: `${path.basename(name)}.html`, title }));
  for (const page of lessons)
    write(
      out,
      `docs/${page.name}.html`,
      docsPage(page, "../../", lessonLinks, `${path.basename(page.name)}.html`),
    );
  write(out, "docs/index.html", indexPage(pages));
  for (const folder of ["pictures", "lessons/pictures", "conformance"])
    if (fs.existsSync(path.join(docs, folder)))
      fs.cpSync(path.join(docs, folder), path.join(out, "docs", folder), { recursive: true });
  return { entries: [...pages, ...lessons].flatMap((page) => page.entries), snippets };
}

function readPage(file, docs, { snippets, modules, highlighted }) {
  const name = path.relative(docs, file).slice(0, -3).split(path.sep).join("/");
  const entries = [];
  const headings = [];
  const ids = new Map();
  const counts = new Map();
  /** Of a program or a table: the heading above it, and which one it is where there are several. */
  const named = (kind) => {
    const about = entries.at(-1)?.heading || title;
    const number = (counts.get(`${kind} ${about}`) ?? 0) + 1;
    counts.set(`${kind} ${about}`, number);
    return number === 1 ? about : `${about}, ${number}`;
  };
  const url = `docs/${name}.html`;
  const way = "../".repeat(url.split("/").length - 1);
  let title = name;
  let isRunning = false;
  const idOf = (text) => {
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
    const count = ids.get(slug) ?? 0;
    ids.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  };
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const plain = plainText(text);
        const id = idOf(plain);
        if (depth === 1) title = plain;
        if (depth === 2) headings.push({ id, text: plain });
        entries.push({ url: `${url}#${id}`, title, heading: depth === 1 ? "" : plain, text: "", code: "" });
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, text, tokens }) {
        // What the repository calls by its file is a page here, and has a title.
        const inner =
          /^[\w-]+\.md$/.test(text) && text === href.split("#")[0]
            ? escapeHtml(titleOf(path.join(path.dirname(file), text)))
            : this.parser.parseInline(tokens);
        const target = linkTo(href, path.dirname(file), docs);
        return target === undefined ? inner : `<a href="${escapeHtml(target)}">${inner}</a>`;
      },
      paragraph({ tokens, text }) {
        const last = entries.at(-1);
        if (last !== undefined && last.text.length < 400) last.text += ` ${plainText(text)}`;
        return `<p>${this.parser.parseInline(tokens)}</p>\n`;
      },
      table(token) {
        const cells = (row, tag) =>
          row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`);
        const last = entries.at(-1);
        if (last !== undefined)
          last.text += ` ${token.rows.map((row) => plainText(row[0].text)).join(" ")}`.slice(0, 4000);
        return `<div class="table-area" tabindex="0" role="region" aria-label="${escapeHtml(`Table: ${named("table")}`)}"><table><thead><tr>${cells(token.header, "th").join("")}</tr></thead><tbody>${token.rows
          .map((row) => `<tr>${cells(row, "td").join("")}</tr>`)
          .join("\n")}</tbody></table></div>\n`;
      },
      code({ text, lang }) {
        const program = lang === "ts" ? snippets.add(text) : undefined;
        const last = entries.at(-1);
        if (last !== undefined && lang === "ts") last.code += `${text}\n`;
        const inner = lang === "ts" ? coloured(highlighted(text, "typescript")) : escapeHtml(text);
        const shown = `<pre tabindex="0"><code data-language="${escapeHtml(lang ?? "")}">${inner}</code></pre>`;
        if (program === undefined) return `${shown}\n`;
        isRunning = true;
        return runnable(shown, `${way}${program}`, named("program"));
      },
    },
  });
  const html = marked.parse(fs.readFileSync(file, "utf8"), { async: false });
  for (const entry of entries) entry.text = entry.text.trim();
  /** For programs that readers edit: where the modules lie that they import. */
  const library = isRunning
    ? JSON.stringify(Object.fromEntries([...modules].map(([key, place]) => [key, way + place])))
    : undefined;
  return { name, title, html, headings, entries, library };
}

/** A program with its buttons, and a place for what it prints. */
const runnable = (shown, program, about) => `<div class="snippet">${shown}
<p class="snippet-bar"><button type="button" class="button small" data-program="${program}" data-about="${escapeHtml(about)}" aria-label="Run: ${escapeHtml(about)}">Run</button> ${[
  "Edit",
  "Reset",
]
  .map(
    (does) =>
      `<button type="button" class="button small" data-does="${does.toLowerCase()}" aria-label="${does}: ${escapeHtml(about)}"${does === "Reset" ? " hidden" : ""}>${does}</button>`,
  )
  .join(" ")} <span class="snippet-state" role="status"></span></p>
<output hidden aria-live="off" tabindex="0" aria-label="What it prints"></output></div>
`;

/** The first heading of a page of docs/, or its file's name. */
const titleOf = (file) =>
  fs.existsSync(file)
    ? plainText(/^# (.*)$/m.exec(fs.readFileSync(file, "utf8"))?.[1] ?? path.basename(file))
    : path.basename(file);

/** Where a link of docs/ leads on the site; undefined where its target is no page of it. */
function linkTo(href, folder, docs) {
  if (/^https?:/.test(href) || href.startsWith("#")) return href;
  const [target, hash] = href.split("#");
  const file = path.resolve(folder, target);
  if (file !== docs && !file.startsWith(docs + path.sep)) return undefined;
  if (path.relative(docs, file) === path.join("lessons", "README.md"))
    return path.posix.join(
      path.relative(folder, docs).split(path.sep).join("/") || ".",
      "../lessons/index.html",
    );
  if (path.basename(file) === "README.md" || left.has(path.basename(file))) return undefined;
  if (!fs.existsSync(file)) return undefined;
  return `${target.replace(/\.md$/, ".html")}${hash === undefined ? "" : `#${hash}`}`;
}

const plainText = (markdown) =>
  markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]+>/g, "")
    .replace(/\\([|\\`*_])/g, "$1")
    .replace(/[`*]/g, "")
    .replace(/\s+/g, " ")
    .trim();

function docsPage(page, way, contents, here) {
  const links = contents.map(
    ({ url, title }) =>
      `<li><a href="${url}"${url === here ? ' aria-current="page"' : ""}>${escapeHtml(title)}</a></li>`,
  );
  const parts = page.headings.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`);
  const isLesson = page.name.startsWith("lessons/");
  const place =
    ["ops", "conformance", "performance"].find((name) => name === page.name) ??
    (isLesson ? "lessons" : "docs");
  const name = isLesson ? "Lessons" : "Docs";
  return pageHtml({
    way,
    place,
    title: page.title,
    script: "docs",
    body: `<div class="docs">
<nav class="docs-nav" aria-label="${name}">${searchBox}<details open><summary>${name}</summary><ul>${links.join("")}</ul></details>${closedOnPhones}</nav>
${parts.length > 3 ? `<nav class="docs-parts" aria-label="On this page"><details class="parts" open><summary>On this page</summary><ul>${parts.join("")}</ul></details>${closedBelow(1280)}</nav>` : ""}
<main id="main" class="prose"${page.library === undefined ? "" : ` data-library="${escapeHtml(page.library)}"`}>
${page.html}
</main>
</div>`,
  });
}

/** On a phone the long list of pages would stand before the text; it is closed before it is seen, so nothing moves. */
const closedBelow = (width) =>
  `<script>if(innerWidth<=${width})document.currentScript.previousElementSibling.open=false</script>`;
export const closedOnPhones = closedBelow(900);

export const searchBox = `<div class="search"><label for="search-field">Search</label><input id="search-field" type="search" autocomplete="off" aria-controls="found"><ul id="found" aria-live="polite"></ul></div>`;

function indexPage(pages) {
  const cards = pages.map(({ name, title, entries }) => {
    const text = entries[0]?.text ?? "";
    return `<li><a href="${name}.html"><strong>${escapeHtml(title)}</strong><span>${escapeHtml(shortened(text))}</span></a></li>`;
  });
  return pageHtml({
    way: "../",
    place: "docs",
    title: "Docs",
    script: "docs",
    body: `<main id="main"><h1>Docs</h1>
<div class="wide-search">${searchBox}</div>
<ul class="cards">${cards.join("\n")}</ul></main>`,
  });
}

/** Its first sentence or two. */
function shortened(text) {
  if (text.length <= 160) return text;
  const end = text.lastIndexOf(". ", 160);
  return end > 40 ? text.slice(0, end + 1) : `${text.slice(0, 157)}…`;
}

export function write(out, name, text) {
  const file = path.join(out, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
