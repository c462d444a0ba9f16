// What of a user's CSV file is learnt, what becomes of missing cells, and a sentence for each column: what the net gets of it.

import {
  type Column,
  type CsvForm,
  type LearntAs,
  type MissingCells,
  type OwnData,
  widthOf,
} from "../setup/own-data.ts";
import { listed } from "../setup/rows.ts";
import { ChoiceField } from "./fields.tsx";
import { count, full } from "./format.ts";

interface Props {
  readonly own: OwnData;
  /** Reads the file again; undefined where it is not here. */
  readonly onChange: ((form: Partial<CsvForm>) => void) | undefined;
}

export function CsvColumns({ own, onChange }: Props) {
  const { csv, columns = [], target, classNames } = own;
  if (csv === undefined) return null;
  const inputs = columns.reduce((sum, column) => sum + widthOf(column), 0);
  return (
    <>
      <div class="fields">
        <ChoiceField
          label="To be learnt"
          value={csv.target}
          choices={csv.names.map((name) => [name, name.slice(0, 40)])}
          isDisabled={onChange === undefined}
          onChange={(name) => onChange?.({ target: name, learntAs: "auto" })}
        />
        {csv.mayBeBoth && (
          <ChoiceField<Exclude<LearntAs, "auto">>
            label="Learnt as"
            value={own.task === "regression" ? "number" : "classes"}
            choices={[
              ["classes", "Classes"],
              ["number", "A number"],
            ]}
            isDisabled={onChange === undefined}
            onChange={(learntAs) => onChange?.({ learntAs })}
          />
        )}
        <ChoiceField<MissingCells>
          label="Missing cells"
          value={csv.missing}
          choices={[
            ["fill", "Fill in"],
            ["drop", "Leave rows out"],
          ]}
          isDisabled={onChange === undefined}
          onChange={(missing) => onChange?.({ missing })}
        />
      </div>
      {onChange === undefined && <p class="hint">Choose the file again to read it in another way.</p>}
      {csv.decimal === "," && (
        <p class="hint">Commas are decimal marks in this file: 1,5 is one and a half.</p>
      )}
      {columns.map(
        ({ name, strays }) =>
          strays !== undefined && (
            <p class="hint" key={name}>
              {name.slice(0, 40)} has texts among its numbers, which count as missing: {count(strays.count)},
              as “{strays.example.slice(0, 40)}” in line {strays.line}.
            </p>
          ),
      )}
      <details class="columns-made">
        <summary>
          {columns.length} of {csv.names.length - 1} columns give the net {count(inputs)} numbers
        </summary>
        <dl tabIndex={0}>
          {columns.map((column) => (
            <div key={column.name}>
              <dt>{column.name.slice(0, 40)}</dt>
              <dd>{madeOf(column)}</dd>
            </div>
          ))}
          {csv.unused.map(({ name, why }) => (
            <div key={name}>
              <dt>{name.slice(0, 40)}</dt>
              <dd>Not used: {why}.</dd>
            </div>
          ))}
          <div>
            <dt>{csv.target.slice(0, 40)}</dt>
            <dd>
              To be learnt:{" "}
              {target === undefined
                ? `${classNames.length} classes.`
                : `a number with mean ${full(target.mean)} and deviation ${full(target.deviation)}, learnt with mean 0 and deviation 1.`}
            </dd>
          </div>
        </dl>
      </details>
    </>
  );
}

function madeOf({ mean, deviation, categories, missing }: Column): string {
  const gaps = missing === undefined ? "" : count(missing);
  if (categories !== undefined)
    return `${categories.length} categories, each 0 or 1: ${listed(categories)}.${gaps === "" ? "" : ` Cells that were missing, a category of their own: ${gaps}.`}`;
  return `A number with mean ${full(mean)} and deviation ${full(deviation)}, which the net gets with mean 0 and deviation 1.${gaps === "" ? "" : ` Missing cells, filled with the mean: ${gaps}.`}`;
}
