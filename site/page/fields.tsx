// Fields of the playground's forms: a number, a choice, a switch, each with its label.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number | "any";
  readonly isWhole?: boolean;
  onChange(value: number): void;
}

/** Takes what is typed when it is a number within bounds; says so beside it while it is not. */
export function NumberField({ label, value, min, max, step = "any", isWhole, onChange }: NumberFieldProps) {
  const id = useId();
  const [text, setText] = useState(String(value));
  useEffect(() => {
    if (Number(text) !== value) setText(String(value));
  }, [value]);
  const problem = problemOf(text, min, max, isWhole);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode={isWhole ? "numeric" : "decimal"}
        value={text}
        min={min}
        max={max}
        step={isWhole ? 1 : step}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          if (problemOf(currentTarget.value, min, max, isWhole) === undefined)
            onChange(Number(currentTarget.value));
        }}
        onBlur={() => problem !== undefined && setText(String(value))}
      />
      {problem !== undefined && (
        <span class="field-problem" id={`${id}-problem`}>
          {problem}
        </span>
      )}
    </div>
  );
}

function problemOf(text: string, min = -Infinity, max = Infinity, isWhole = false): string | undefined {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return "a number, please";
  if (isWhole && !Number.isInteger(value)) return "a whole number, please";
  if (value < min) return `at least ${min}`;
  if (value > max) return `at most ${max}`;
  return undefined;
}

interface ChoiceFieldProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly (readonly [value: T, label: string])[];
  readonly isDisabled?: boolean;
  onChange(value: T): void;
}

export function ChoiceField<T extends string>({
  label,
  value,
  choices,
  isDisabled = false,
  onChange,
}: ChoiceFieldProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={isDisabled}
        onChange={({ currentTarget }) => onChange(currentTarget.value as T)}
      >
        {choices.map(([choice, text]) => (
          <option key={choice} value={choice}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

interface SwitchFieldProps {
  readonly label: string;
  readonly value: boolean;
  onChange(value: boolean): void;
}

export function SwitchField({ label, value, onChange }: SwitchFieldProps) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        checked={value}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      {label}
    </label>
  );
}

interface SliderFieldProps {
  readonly label: string;
  readonly shown: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  onChange(value: number): void;
}

export function SliderField({ label, shown, value, min, max, step, onChange }: SliderFieldProps) {
  const id = useId();
  return (
    <div class="field field-slider">
      <label for={id}>
        {label} <output>{shown}</output>
      </label>
      <input
        id={id}
        type="range"
        value={value}
        min={min}
        max={max}
        step={step}
        aria-valuetext={shown}
        onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
      />
    </div>
  );
}

export function Panel({
  title,
  children,
  aside,
  className = "",
  onDrop,
}: {
  title: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
  className?: string;
  /** For files that are dropped on it. */
  onDrop?(data: DataTransfer): void;
}) {
  const id = useId();
  const drop =
    onDrop === undefined
      ? {}
      : {
          onDragOver: (event: DragEvent) => event.preventDefault(),
          onDrop: (event: DragEvent) => {
            event.preventDefault();
            if (event.dataTransfer !== null) onDrop(event.dataTransfer);
          },
        };
  return (
    <section class={`panel ${className}`} aria-labelledby={id} {...drop}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
