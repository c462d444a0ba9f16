// How the report looks, light and dark, wide and on a phone.

export const style = `
:root {
  color-scheme: light dark;
  --page: #fff; --panel: #f5f6f8; --ink: #1c2430; --muted: #626d7c; --line: #e1e5ea;
  --ours: #0b63c5; --ours-soft: #8dbcf0; --orange: #d2560a; --green: #138a5e; --purple: #7d4fb3;
  --gold: #b88a00; --sky: #2f9ac4; --rose: #c2477f; --grey: #7b8694; --teal: #00736e; --brown: #7a4a21; --olive: #6d7f00; --bad: #b3261e; --good: #137a4b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --panel: #1b2129; --ink: #e7ebf0; --muted: #9aa5b3; --line: #2c343f;
    --ours: #62a8ff; --ours-soft: #2b4f7c; --orange: #ff9a52; --green: #4cc796; --purple: #b892ea;
    --gold: #e5bd45; --sky: #6cc8ee; --rose: #ee86b4; --grey: #97a2b0; --teal: #35c9c1; --brown: #c99a6b; --olive: #b4c63a; --bad: #ff8b82; --good: #5fd39b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1064px; padding: 28px 32px 64px; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
}
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 44px 0 4px; }
h3 { font-size: 15px; margin: 20px 0 2px; }
p { margin: 4px 0 12px; max-width: 76ch; color: var(--muted); overflow-wrap: anywhere; }
p strong, .lead { color: var(--ink); }
.whole { white-space: nowrap; }
.badge {
  display: inline-block; padding: 1px 9px; border-radius: 9px; font-size: 12px; font-weight: 600;
  background: var(--panel); color: var(--orange); border: 1px solid var(--line); vertical-align: 2px;
}
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 10px; margin: 18px 0 0; }
.tile { background: var(--panel); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; line-height: 1.3; }
.tile span { color: var(--muted); font-size: 12.5px; }
.nets { margin-top: 10px; font-size: 13px; }
.chart svg { display: block; width: 100%; height: auto; }
.chart.narrow { display: none; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 28px; }
.pair .chart.wide { display: none; }
.pair .chart.narrow { display: block; }
.scroll { overflow-x: auto; margin: 6px 0 14px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; white-space: nowrap; width: 100%; }
th, td { padding: 4px 7px; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 500; position: sticky; top: 0; background: var(--page); }
th:first-child, td:first-child, th.left, td.left { text-align: left; }
.wrap td { white-space: normal; vertical-align: top; }
.wrap td:first-child { min-width: 15em; }
tr.peer td { color: var(--muted); }
td.good { color: var(--good); font-weight: 600; }
td.bad { color: var(--bad); font-weight: 600; }
details { border-top: 1px solid var(--line); }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: 9px 2px; font-weight: 600; }
summary span { color: var(--muted); font-weight: 400; margin-left: 8px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 720px) {
  /* A row is a paragraph: its case, then its figures with their names, none beyond the edge of the page. */
  table, tbody { display: block; white-space: normal; }
  thead { display: none; }
  tr { display: block; padding: 6px 0; border-bottom: 1px solid var(--line); }
  th, td { border: 0; padding: 0 12px 0 0; text-align: left; }
  td { display: inline-block; white-space: nowrap; }
  td:first-child { display: block; font-weight: 600; color: var(--ink); white-space: normal; overflow-wrap: anywhere; }
  td:empty { display: none; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--muted); font-weight: 400; }
  .wrap td { display: block; overflow-wrap: anywhere; }
  .wrap td:first-child { min-width: 0; }
  body { padding: 18px 14px 48px; font-size: 14px; }
  h1 { font-size: 22px; }
  .chart.wide { display: none; }
  .chart.narrow { display: block; }
  .pair { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: 1fr 1fr; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; }
}
@media print { details { display: block; } }
`;
