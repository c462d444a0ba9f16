// The page of logs: data, charts, style and script in one HTML file. Text of logs goes in as JSON, never as markup.

import fs from "node:fs";

const beside = (name) => fs.readFileSync(new URL(name, import.meta.url), "utf8");

/** The page's modules as one script, in an order in which each finds what it needs. */
const modules = ["elements", "state", "charts", "curves", "histograms", "parameters", "pictures", "main"];

function script() {
  const bodies = modules.map((name) =>
    beside(`client/${name}.js`)
      .replace(/^import [^;]*;\n/gm, "")
      .replace(/^export /gm, ""),
  );
  return `(() => {\n${bodies.join("\n")}})();`;
}

const escapeHtml = (text) => text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

/** As JSON that no HTML parser finds anything in. */
const asJson = (data) =>
  JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** As a script that does not end before its end. */
const asScript = (text) => text.replace(/<(?=\/script|!--)/gi, "\\x3c");

/**
 * @param {object} data as collect.mjs makes it
 * @param {{ title: string, notes?: readonly string[], echarts: string }} options `echarts`: the text of echarts.min.js
 */
export function logPage(data, { title, notes = [], echarts }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}: training log</title>
<style>
${beside("style.css")}
</style>
</head>
<body>
<noscript>This page draws its charts with a script; allow scripts for it.</noscript>
<script type="application/json" id="data">${asJson({ ...data, title, notes })}</script>
<script>${asScript(echarts)}</script>
<script>${asScript(script())}</script>
</body>
</html>
`;
}
