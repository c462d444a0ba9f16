// A page that no script draws: its head, the bar above, its text.

import { head, header } from "./frame.mjs";

/**
 * @param {{ way: string, place: string, title: string, script: string, body: string }} page `way` leads to the site's folder;
 *   `script` is the one of `assets/` that it loads
 */
export const pageHtml = ({ way, place, title, script, body }) => `<!doctype html>
<html lang="en" data-way="${way}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title.replace(/[&<]/g, (letter) => (letter === "&" ? "&amp;" : "&lt;"))} · gradgpu</title>
${head(way)}
<link rel="stylesheet" href="${way}assets/site.css">
</head>
<body>
${header(way, place)}
${body}
<script type="module" src="${way}assets/${script}.js"></script>
</body>
</html>
`;
