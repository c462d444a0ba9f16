// What a program says of a layer's options, in whichever language.

import { isOfEditor, type LayerSetup, type OptionValue, sizesOf, specOf } from "./layers.ts";

export interface SaidOption {
  readonly name: string;
  /** Lists as their numbers. */
  readonly value: OptionValue | readonly number[];
}

/** Those in their order, and by name those that are not as usual. */
export function saidOptions({ type, options }: LayerSetup): {
  readonly positional: readonly SaidOption[];
  readonly named: readonly SaidOption[];
} {
  const { positional, options: specs } = specOf(type);
  const said = (name: string): SaidOption => {
    const isList = specs.find((option) => option.name === name)?.kind === "sizes";
    return { name, value: isList ? (sizesOf(String(options[name])) ?? []) : options[name] };
  };
  const named = specs.filter(
    ({ name, usual }) => !positional.includes(name) && options[name] !== usual && !isOfEditor(name),
  );
  return { positional: positional.map(said), named: named.map(({ name }) => said(name)) };
}
