// What all pages of the site share: their head, and the bar above with links to the others.

export const places = [
  ["playground", "playground.html", "Playground"],
  ["lessons", "lessons/index.html", "Lessons"],
  ["docs", "docs/index.html", "Docs"],
  ["api", "api/index.html", "API"],
  ["ops", "docs/ops.html", "Ops"],
  ["conformance", "docs/conformance.html", "Conformance"],
  ["performance", "docs/performance.html", "Performance"],
];

/** The theme is set before anything is drawn: no page flashes. */
const themeScript = `try{const t=localStorage.getItem("gradgpu-theme");if(t==="light"||t==="dark")document.documentElement.dataset.theme=t}catch{}`;

/** @param {string} root The way from the page to the site's folder: "./" or "../" */
export const head = (root) => `<link rel="icon" href="${root}icon.svg" type="image/svg+xml">
    <meta name="color-scheme" content="light dark">
    <script>${themeScript}</script>`;

/**
 * @param {string} root
 * @param {string} current The place that the page belongs to
 */
export function header(root, current) {
  const links = places.map(([name, file, label]) => {
    const here = name === current ? ' aria-current="page"' : "";
    return `<li><a href="${root}${file}"${here}>${label}</a></li>`;
  });
  return `<a class="skip" href="#main">To the content</a>
    <header class="top">
      <a class="brand" href="${root}index.html"${current === "home" ? ' aria-current="page"' : ""}><img src="${root}icon.svg" alt="" width="22" height="22">gradgpu</a>
      <nav aria-label="Site"><ul>${links.join("")}</ul></nav>
      <button type="button" id="theme" class="button small" aria-label="Auto: colours of the page">Auto</button>
    </header>`;
}
