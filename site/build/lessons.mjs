// The page of lessons: each a set-up of the playground with its text.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../../scripts/setup.mjs";
import { write } from "./docs.mjs";
import { escapeHtml } from "./html.mjs";
import { pageHtml } from "./page.mjs";

/**
 * @param {string} out
 * @param {readonly import("../setup/lessons.ts").Lesson[]} lessons
 */
export function writeLessons(out, lessons) {
  const items = lessons.map(({ name, title, korean, hash, look, change, see, page }) => {
    const play = `../playground.html#${hash}&lesson=${name}`;
    const isWorked = name === "back-propagation";
    return `<li class="lesson${isWorked ? " lesson-worked" : ""}" id="${name}">
<h2>${escapeHtml(title)} <span lang="ko">${escapeHtml(korean)}</span></h2>
<dl><dt>Look</dt><dd>${escapeHtml(look)}</dd><dt>Change</dt><dd>${escapeHtml(change)}</dd><dt>See</dt><dd>${escapeHtml(see)}</dd></dl>
<p class="row"><a class="button small" href="${escapeHtml(play)}" aria-label="Try it: ${escapeHtml(title)}">Try it</a> <a href="../docs/lessons/${page}.html" aria-label="What was measured: ${escapeHtml(title)}">What was measured</a>${isWorked ? ` <a href="${worked}#play">The worked example in a page of its own</a>` : ""}</p>${isWorked ? workedFrame : ""}
</li>`;
  });
  writeWorked(out);
  const folder = path.join(root, "docs", "lessons");
  const measured = fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".md") && file !== "README.md")
    .sort()
    .map((file) => {
      const [, title] = /^# (.*)/.exec(fs.readFileSync(path.join(folder, file), "utf8")) ?? [];
      return `<li><a href="../docs/lessons/${file.replace(/\.md$/, ".html")}">${escapeHtml(title ?? file)}</a></li>`;
    });
  const body = `<main id="main"><h1>Lessons</h1>
<p class="lead">Each phenomenon of a course on deep networks as a net that you train here: what to look at, what to change, and what comes of it. Korean terms are the course's own.</p>
<ol class="lessons">${items.join("\n")}</ol>
<h2>All that was measured</h2>
<p>Every claim of the course's notes as a program that measures it over several seeds, and says whether it held.</p>
<ul class="measured">${measured.join("\n")}</ul></main>`;
  write(
    out,
    "lessons/index.html",
    pageHtml({ way: "../", place: "lessons", title: "Lessons", script: "docs", body }),
  );
}

const worked = "worked-back-propagation.html";

/** It begins when the reader sees it, which the page's script notices: it steps by itself. */
const workedFrame = `
<figure class="worked"><figcaption>The worked example of note 002, stepping by itself: one sample forward, its error back, the eight weights changed.</figcaption>
<iframe class="walk" title="The worked example of note 002, step by step" data-src="${worked}#play"></iframe></figure>`;

/** The course's example with its own numbers, as `npm run stepper` writes it. */
function writeWorked(out) {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/run.mjs", "examples/stepper.ts"], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`examples/stepper.ts ended with ${status}: ${stderr}`);
  write(out, `lessons/${worked}`, fs.readFileSync(path.join(root, "out", "stepper.html"), "utf8"));
}
