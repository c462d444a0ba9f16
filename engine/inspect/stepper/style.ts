// How the page looks and what its buttons do. Styles and script only: texts that go into the page as they stand.

const dark = `--bg:#0e1218;--panel:#161c25;--ink:#e7ebf2;--muted:#98a4b6;--line:#2c3645;--soft:#1e2632;
--value:#84b2ff;--gradient:#ffa56b;--update:#6fdca0;--glow:#84b2ff22;--variable:#221b30;--variable-line:#7a61a8`;

/** As the reader's system is, dark or light, unless a page around it sets data-theme. Blue is a value, orange a gradient, green an update, in light and dark. */
export const css = `
:root{color-scheme:light dark;--bg:#f6f7f9;--panel:#fff;--ink:#18202c;--muted:#5d6878;--line:#d8dee7;--soft:#eef1f5;
--value:#1a55c0;--gradient:#b4430b;--update:#11703f;--glow:#1a55c022;--variable:#f4eefc;--variable-line:#a98ad6}
@media(prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{color-scheme:dark;${dark}}:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
.page{display:grid;grid-template:auto minmax(0,1fr) auto/minmax(0,1fr);height:100vh;height:100dvh}
header{padding:10px 20px;border-bottom:1px solid var(--line);background:var(--panel);display:flex;flex-wrap:wrap;gap:6px 24px;align-items:center;justify-content:space-between}
h1{font-size:1.1rem;margin:0;font-weight:650}
nav{display:flex;gap:6px;flex-wrap:wrap}
nav button{font:inherit;font-size:.85rem;padding:2px 12px;border-radius:99px;border:1px solid var(--line);background:none;color:var(--muted);cursor:pointer}
nav button[aria-current=true]{color:#fff;border-color:transparent;font-weight:600}
nav [data-phase=start][aria-current=true],nav [data-phase=result][aria-current=true]{background:var(--ink);color:var(--bg)}
nav [data-phase=forward][aria-current=true]{background:var(--value);color:var(--bg)}
nav [data-phase=backward][aria-current=true]{background:var(--gradient);color:var(--bg)}
nav [data-phase=update][aria-current=true]{background:var(--update);color:var(--bg)}
main{display:grid;grid-template-columns:minmax(300px,46fr) minmax(0,54fr);min-height:0}
.drawing{overflow:auto;padding:18px;border-right:1px solid var(--line);text-align:center;scroll-behavior:smooth}
.graph{max-width:100%;height:auto;min-width:var(--graph-least,0);display:inline-block;vertical-align:top}
@media(min-width:901px){.graph{width:auto;max-height:max(100%,var(--graph-least-height,0px))}}
.texts{overflow:auto;padding:20px 28px 32px}
article{max-width:46rem}
article h2{font-size:1.45rem;line-height:1.3;margin:2px 0 2px;font-weight:650}
.phase{font-size:.8rem;font-weight:650;letter-spacing:.05em;text-transform:uppercase}
[data-phase=forward] .phase{color:var(--value)}[data-phase=backward] .phase{color:var(--gradient)}[data-phase=update] .phase{color:var(--update)}
[data-phase=start] .phase,[data-phase=result] .phase{color:var(--muted)}
.where{color:var(--muted);font-size:.88rem;margin:0 0 14px}
.where code{font:.95em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.formula{font:1.3rem/1.4 "Cambria Math","STIX Two Math",Cambria,Georgia,"DejaVu Serif",serif;background:var(--soft);border-left:4px solid var(--value);border-radius:0 8px 8px 0;padding:10px 16px;margin:14px 0 8px;overflow-wrap:anywhere}
[data-phase=backward] .formula{border-color:var(--gradient)}[data-phase=update] .formula{border-color:var(--update)}
.lines{list-style:none;margin:0 0 8px;padding:0 0 0 20px;font-variant-numeric:tabular-nums}
.lines li{padding:3px 0 3px 1.2em;text-indent:-1.2em}
.lines span{display:inline-block;text-indent:0}
.lines b{font-weight:650;color:var(--value)}
[data-phase=backward] .lines b{color:var(--gradient)}[data-phase=update] .lines b{color:var(--update)}
.note{color:var(--muted);font-size:.9rem;margin:4px 0 10px 20px}
.cards{display:flex;flex-wrap:wrap;gap:12px;margin-top:20px}
.card{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:10px 14px;min-width:0;max-width:100%;overflow-x:auto}
.card h3{margin:0 0 6px;font-size:.86rem;font-weight:600;color:var(--muted)}
.card h3 strong{color:var(--value);font-size:1rem;font-weight:650}
.card.gradient h3 strong{color:var(--gradient)}.card.updated h3 strong{color:var(--update)}
.array{border-collapse:collapse;font-variant-numeric:tabular-nums;border:solid var(--muted);border-width:0 1.5px;border-radius:6px}
.array td{padding:2px 10px;text-align:right;white-space:nowrap}
.array small{color:var(--muted);margin-right:.55em;font-size:.78em}
.none{color:var(--muted);margin:0;font-size:.9rem}
footer{display:flex;gap:10px;align-items:center;padding:10px 20px calc(10px + env(safe-area-inset-bottom));border-top:1px solid var(--line);background:var(--panel)}
footer button{font:inherit;font-weight:600;min-height:42px;padding:6px 16px;border-radius:9px;border:1px solid var(--line);background:var(--soft);color:var(--ink);cursor:pointer;white-space:nowrap}
footer button:hover:not(:disabled){border-color:var(--muted)}
footer button:disabled{opacity:.4;cursor:default}
#next{background:var(--ink);color:var(--bg);border-color:var(--ink)}
button:focus-visible,input:focus-visible{outline:3px solid var(--value);outline-offset:2px}
#at{flex:1;min-width:60px;accent-color:var(--value);height:28px}
#count{font-variant-numeric:tabular-nums;color:var(--muted);white-space:nowrap;font-size:.9rem}
.edge{fill:none;stroke:var(--line);stroke-width:1.6;marker-end:url(#arrow-idle)}
.edge.forward{stroke:var(--value);stroke-width:2.6;marker-end:url(#arrow-forward)}
.edge.backward{stroke:var(--gradient);stroke-width:2.6;marker-end:none;marker-start:url(#arrow-backward)}
marker.idle{fill:var(--line)}marker.forward{fill:var(--value)}marker.backward{fill:var(--gradient)}
.box rect{fill:var(--panel);stroke:var(--line);stroke-width:1.4}
.box.variable rect{fill:var(--variable);stroke:var(--variable-line)}
.box.tensor rect{fill:var(--soft)}
.box.current rect{stroke:var(--value);stroke-width:3;filter:drop-shadow(0 0 7px var(--glow))}
.backward .box.current rect{stroke:var(--gradient)}.update .box.current rect{stroke:var(--update)}
.box text{font:10.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--ink);dominant-baseline:auto}
.box .name{font:650 14px system-ui,sans-serif}
.box .what{text-anchor:end;fill:var(--muted);font:11.5px system-ui,sans-serif}
.box .value{fill:var(--value)}.box .gradient{fill:var(--gradient)}.box .updated{fill:var(--update)}
.js [data-since].later,.js article[hidden]{display:none}
@media(max-width:820px){main{grid-template:38fr 62fr/minmax(0,1fr)}
.drawing{border-right:0;border-bottom:1px solid var(--line);padding:10px}
.texts{padding:14px 16px 24px}header{padding:8px 14px}nav button{padding:1px 8px;font-size:.76rem}
article h2{font-size:1.2rem}.formula{font-size:1.1rem;padding:8px 12px}.lines{padding-left:10px}
footer{padding-left:12px;padding-right:12px;gap:6px}footer button{padding:6px 9px}#at{min-width:40px}nav{gap:4px}}
@media(max-width:360px){#count{display:none}}
html:not(.js) .page{display:block;height:auto}html:not(.js) footer,html:not(.js) nav{display:none}html:not(.js) article{margin:0 0 40px}
@media print{.page{display:block;height:auto}header nav,footer{display:none}.js article[hidden]{display:block}article{break-inside:avoid;margin:0 0 24px}}
@media(prefers-reduced-motion:reduce){.drawing{scroll-behavior:auto}}
`;

/** Shows one step: its text, the boxes and arrows it is about, and the numbers known by then. */
export const script = `
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const find = (selector) => [...document.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const articles = find("article[data-phase]");
  const drawing = document.querySelector(".drawing");
  const last = articles.length - 1;
  let at = -1;
  const show = (wanted) => {
    const next = Math.max(0, Math.min(last, Number.isInteger(wanted) ? wanted : 0));
    if (next === at) return;
    at = next;
    const { phase, box, edge } = articles[at].dataset;
    articles.forEach((article, i) => { article.hidden = i !== at; });
    for (const element of find("[data-since]")) {
      const until = element.dataset.until === undefined ? Infinity : Number(element.dataset.until);
      element.classList.toggle("later", at < Number(element.dataset.since) || at >= until);
    }
    drawing.className = "drawing " + phase;
    for (const element of find(".box")) element.classList.toggle("current", element.dataset.box === box);
    for (const element of find(".edge")) {
      element.classList.toggle("forward", phase === "forward" && element.dataset.edge === edge);
      element.classList.toggle("backward", phase === "backward" && edge !== undefined && element.dataset.back === edge);
    }
    for (const button of find("nav button")) button.setAttribute("aria-current", button.dataset.phase === phase);
    byId("at").value = at;
    byId("count").textContent = at + " / " + last;
    byId("back").disabled = at === 0;
    byId("next").disabled = at === last;
    document.querySelector(".texts").scrollTop = 0;
    const current = document.querySelector(".box.current");
    if (current) {
      const inner = current.getBoundingClientRect(), outer = drawing.getBoundingClientRect();
      drawing.scrollTo(
        drawing.scrollLeft + inner.left + inner.width / 2 - outer.left - outer.width / 2,
        drawing.scrollTop + inner.top + inner.height / 2 - outer.top - outer.height / 2,
      );
    }
    try { history.replaceState(null, "", "#" + at); } catch { /* a sandboxed frame has no history */ }
  };
  // It steps by itself until the last step, or until somebody else steps.
  let timer;
  const play = (isOn) => {
    clearInterval(timer);
    timer = isOn ? setInterval(() => { show(at + 1); if (at === last) play(false); }, 2500) : undefined;
    byId("play").textContent = isOn ? "Pause" : "Play";
    // Read out step by step it would never be silent.
    document.querySelector(".texts").ariaLive = isOn ? "off" : "polite";
  };
  const go = (wanted) => { play(false); show(wanted); };
  byId("play").onclick = () => {
    const isOn = timer === undefined;
    if (isOn) show(at === last ? 0 : at + 1);
    play(isOn && at < last);
  };
  byId("back").onclick = () => go(at - 1);
  byId("next").onclick = () => go(at + 1);
  byId("at").oninput = (event) => go(Number(event.target.value));
  for (const button of find("nav button")) {
    button.onclick = () => go(articles.findIndex(({ dataset }) => dataset.phase === button.dataset.phase));
  }
  const keys = { ArrowRight: () => at + 1, ArrowDown: () => at + 1, ArrowLeft: () => at - 1, ArrowUp: () => at - 1, Home: () => 0, End: () => last };
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    go(keys[event.key]());
  });
  addEventListener("hashchange", () => show(Number(location.hash.slice(1))));
  // An address that ends with #play has it step by itself at once, but for those who want nothing to move.
  const playsAtOnce = location.hash === "#play" && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  show(Number(location.hash.slice(1)));
  if (playsAtOnce) play(true);
})();
`;
