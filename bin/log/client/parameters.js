// The table of hyper-parameters, with what each run reached.

import { bestOf, isLoss } from "./curves.js";
import { make, section, show } from "./elements.js";
import { data, groupName, isDashed, keyOf, runs } from "./state.js";

export function parameters() {
  if (data.hparams.length === 0) return undefined;
  const names = [...new Set(data.hparams.flatMap(({ values }) => values.map(([name]) => name)))];
  const tags = data.scalars
    .filter(({ tag }) => /loss|acc|^search\//i.test(tag) && !/^(batch|evaluation)_/.test(tag))
    .slice(0, 4);
  const measures = tags.map(({ tag, series }) => {
    const hasHeld = series.some(({ run }) => isDashed(run));
    const of = (group) => {
      const one = series.find(({ run }) => runs[run].group === group && isDashed(run) === hasHeld);
      return one && bestOf(tag, one)?.value;
    };
    const plain = tag.replace(/^epoch_/, "");
    return {
      name: `${isLoss(tag) ? "lowest" : "highest"} ${hasHeld ? "validation " : ""}${plain}`,
      of,
      isLow: isLoss(tag),
    };
  });
  const rows = data.hparams.map(({ group, values }) => {
    const own = new Map(values);
    return {
      group,
      cells: [...names.map((name) => own.get(name)), ...measures.map(({ of }) => of(group))],
    };
  });
  const heads = ["Run", ...names, ...measures.map(({ name }) => name)];
  const best = measures.map(({ isLow }, i) => {
    const found = rows
      .map(({ cells }) => cells[names.length + i])
      .filter((value) => typeof value === "number");
    return rows.length < 2 ? undefined : isLow ? Math.min(...found) : Math.max(...found);
  });
  const body = make("tbody");
  const order = { column: 0, isDown: false };
  const fill = () => {
    const sortedBy = (row) => (order.column === 0 ? groupName(row.group) : row.cells[order.column - 1]);
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [sortedBy(a), sortedBy(b)];
      const less = typeof x === "number" && typeof y === "number" ? x - y : String(x) < String(y) ? -1 : 1;
      return order.isDown ? -less : less;
    });
    body.replaceChildren(
      ...sorted.map(({ group, cells }) => {
        const run = runs.findIndex((one) => one.group === group);
        return make(
          "tr",
          {},
          make("th", { scope: "row" }, keyOf(run), groupName(group)),
          cells.map((cell, i) => {
            const isBest = i >= names.length && cell !== undefined && cell === best[i - names.length];
            return make(
              "td",
              isBest ? { class: "best" } : {},
              typeof cell === "number" ? show(cell) : String(cell ?? "–"),
            );
          }),
        );
      }),
    );
  };
  const columns = heads.map((text, column) => {
    const button = make(
      "button",
      {
        type: "button",
        onclick: () => {
          order.isDown = order.column === column && !order.isDown;
          order.column = column;
          columns.forEach(({ cell, button: other }, i) => {
            const sort = i === column ? (order.isDown ? "descending" : "ascending") : undefined;
            if (sort === undefined) {
              cell.removeAttribute("aria-sort");
              other.removeAttribute("aria-sort-state");
            } else {
              cell.setAttribute("aria-sort", sort);
              other.setAttribute("aria-sort-state", order.isDown ? "↓" : "↑");
            }
          });
          fill();
        },
      },
      text,
    );
    return { cell: make("th", { scope: "col" }, button), button };
  });
  fill();
  const table = make(
    "table",
    { class: "parameters" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        columns.map(({ cell }) => cell),
      ),
    ),
    body,
  );
  return section(
    "parameters",
    "Hyper-parameters",
    undefined,
    make(
      "div",
      { class: "card" },
      make(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "Hyper-parameters" },
        table,
      ),
    ),
  );
}
