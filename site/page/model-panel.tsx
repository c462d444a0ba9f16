// The net: its layers, in their order, each to be set, moved and removed; and what each gives.

import { useState } from "preact/hooks";
import {
  type LayerSetup,
  type LayerSpec,
  type LayerType,
  layerSpecs,
  newLayer,
  type OptionSpec,
  type OptionValue,
  specOf,
} from "../setup/layers.ts";
import { outputLayer } from "../setup/setup.ts";
import type { LayerRow } from "../worker/messages.ts";
import { Icon } from "./controls.tsx";
import { ChoiceField, NumberField, Panel, SwitchField } from "./fields.tsx";
import { count } from "./format.ts";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

export function ModelPanel() {
  const { store, state } = useStore("setup", "rows", "isBuilt", "problems", "own", "file");
  const { setup, rows, isBuilt, problems, file } = state;
  const [said, say] = useState("");
  const { layers } = setup;
  const change = (next: readonly LayerSetup[], told: string) => {
    store.change({ layers: next });
    say(told);
  };
  const data = specOfState(state);
  const output = outputLayer(data);
  const problem = problems.find(({ about }) => about === "setup");
  const parameters = rows.reduce((sum, row) => sum + row.parameters, 0);
  return (
    <Panel
      title="Net"
      className="panel-model"
      aside={
        <span class="tag" title="Numbers that training sets">
          {isBuilt ? `${count(parameters)} parameters` : "…"}
        </span>
      }
    >
      {isBuilt && file !== undefined && (
        <p class="hint from-file">
          This net is out of {file}: {rows.map(rowSaid).join(" · ")}. The layers below are the set-up's;
          changing them, or Reset, makes a new net of them.
        </p>
      )}
      <ol class="layers">
        <li class="layer layer-fixed">
          <span class="layer-name">Input</span>
          <span class="layer-shape">[{data.shape.join(", ")}]</span>
        </li>
        {layers.map((layer, i) => (
          <LayerCard
            key={`${i} ${layer.type}`}
            layer={layer}
            row={isBuilt && file === undefined ? rows[i] : undefined}
            place={i + 1}
            isFirst={i === 0}
            isLast={i === layers.length - 1}
            onChange={(next) =>
              change(
                layers.map((other, k) => (k === i ? next : other)),
                "",
              )
            }
            onMove={(by) => change(moved(layers, i, i + by), `${layer.type} moved to place ${i + by + 1}.`)}
            onRemove={() =>
              change(
                layers.filter((_, k) => k !== i),
                `${layer.type} removed.`,
              )
            }
          />
        ))}
        <li class="layer layer-add">
          <AddLayer
            onAdd={(type) =>
              change([...layers, newLayer(type)], `${type} added as layer ${layers.length + 1}.`)
            }
          />
        </li>
        <li class="layer layer-fixed">
          <span class="layer-name">Dense</span>
          <span class="layer-about">
            {output.units} · {output.activation}
          </span>
          <span class="layer-shape">output</span>
        </li>
      </ol>
      <p class="visually-hidden" aria-live="polite">
        {said}
      </p>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem.text}
        </p>
      )}
    </Panel>
  );
}

const rowSaid = ({ type, shape }: LayerRow): string =>
  `${type} [${shape.map((length) => length ?? "any").join(", ")}]`;

interface LayerCardProps {
  readonly layer: LayerSetup;
  readonly row: LayerRow | undefined;
  /** From 1. */
  readonly place: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  onChange(next: LayerSetup): void;
  onMove(by: number): void;
  onRemove(): void;
}

function LayerCard({ layer, row, place, isFirst, isLast, onChange, onMove, onRemove }: LayerCardProps) {
  const spec = specOf(layer.type);
  // A net has several of a type: who hears the page is told which one is meant.
  const name = `layer ${place}, ${layer.type}`;
  const set = (name: string, value: OptionValue) =>
    onChange({ ...layer, options: { ...layer.options, [name]: value } });
  // What is seldom set stands behind a fold.
  const [usual, rare] = [spec.options.slice(0, 3), spec.options.slice(3)];
  const field = (option: OptionSpec) => (
    <OptionField
      key={option.name}
      spec={option}
      value={layer.options[option.name]}
      isHidden={option.name === "strength" && layer.options.regularizer === "none"}
      onChange={(value) => set(option.name, value)}
    />
  );
  const [first, others] = layer.type === "Dense" ? [usual.slice(0, 2), [usual[2], ...rare]] : [usual, rare];
  return (
    <li class="layer">
      <div class="layer-head">
        <span class="layer-name" title={spec.about}>
          {layer.type}
        </span>
        <span class="layer-shape">
          {row === undefined ? "" : `[${row.shape.join(", ")}] · ${count(row.parameters)}`}
        </span>
        <span class="layer-tools">
          <button
            type="button"
            class="tool"
            disabled={isFirst}
            aria-label={`Move ${name}, up`}
            onClick={() => onMove(-1)}
          >
            <Icon name="up" />
          </button>
          <button
            type="button"
            class="tool"
            disabled={isLast}
            aria-label={`Move ${name}, down`}
            onClick={() => onMove(1)}
          >
            <Icon name="down" />
          </button>
          <button type="button" class="tool" aria-label={`Remove ${name}`} onClick={onRemove}>
            <Icon name="remove" />
          </button>
        </span>
      </div>
      {first.length > 0 && (
        <fieldset class="layer-fields" aria-label={name}>
          {first.map(field)}
        </fieldset>
      )}
      {others.length > 0 && (
        <details>
          <summary aria-label={`More of ${name}`}>More</summary>
          <fieldset class="layer-fields" aria-label={name}>
            {others.map(field)}
          </fieldset>
        </details>
      )}
    </li>
  );
}

interface OptionFieldProps {
  readonly spec: OptionSpec;
  readonly value: OptionValue;
  readonly isHidden: boolean;
  onChange(value: OptionValue): void;
}

function OptionField({ spec, value, isHidden, onChange }: OptionFieldProps) {
  const { label, kind, choices = [], min, max, step } = spec;
  if (isHidden) return null;
  if (kind === "choice")
    return (
      <ChoiceField
        label={label}
        value={String(value)}
        choices={choices.map((choice) => [choice, choice])}
        onChange={onChange}
      />
    );
  if (kind === "switch") return <SwitchField label={label} value={value === true} onChange={onChange} />;
  if (kind === "sizes") return <SizesField label={label} value={String(value)} onChange={onChange} />;
  return (
    <NumberField
      label={label}
      value={Number(value)}
      min={min}
      max={max}
      step={step}
      isWhole={kind === "integer"}
      onChange={onChange}
    />
  );
}

function SizesField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange(value: string): void;
}) {
  const id = `sizes-${label}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        value={value}
        placeholder="28x28"
        onChange={({ currentTarget }) =>
          /^\d+(x\d+)*$/.test(currentTarget.value)
            ? onChange(currentTarget.value)
            : (currentTarget.value = value)
        }
      />
    </div>
  );
}

function AddLayer({ onAdd }: { onAdd(type: LayerType): void }) {
  const groups = new Map<string, [string, LayerSpec][]>();
  for (const [type, spec] of Object.entries<LayerSpec>(layerSpecs))
    groups.set(spec.group, [...(groups.get(spec.group) ?? []), [type, spec]]);
  return (
    <select
      aria-label="Add a layer"
      value=""
      onChange={({ currentTarget }) => {
        onAdd(currentTarget.value as LayerType);
        currentTarget.value = "";
      }}
    >
      <option value="" disabled>
        + Add a layer
      </option>
      {[...groups].map(([group, types]) => (
        <optgroup key={group} label={group}>
          {types.map(([type, { about }]) => (
            <option key={type} value={type}>
              {type}: {about.toLowerCase()}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}

function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}
