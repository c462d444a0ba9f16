// Colours and type of charts, light and dark: series after Okabe and Ito, whom all common kinds of colour vision follow.

import { choiceOf } from "../../engine/internal.ts";

export type ThemeName = "light" | "dark";

export interface Theme {
  readonly name: ThemeName;
  readonly page: string;
  readonly ink: string;
  /** Labels of axes and ticks. */
  readonly muted: string;
  readonly axis: string;
  readonly grid: string;
  /** Of series, in their order. */
  readonly series: readonly string[];
}

export const fontFamily =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif";

export const sizes = { title: 18, subtitle: 13, panel: 14, label: 12, tick: 12 };

const themes: Readonly<Record<ThemeName, Theme>> = {
  light: {
    name: "light",
    page: "#ffffff",
    ink: "#1b232c",
    muted: "#57626e",
    axis: "#8b96a2",
    grid: "#e4e8ec",
    series: ["#0072b2", "#d55e00", "#009e73", "#b8578f", "#c98a00", "#3f9bd1", "#59636e", "#8c5a2b"],
  },
  dark: {
    name: "dark",
    page: "#14181d",
    ink: "#eef1f4",
    muted: "#a9b3be",
    axis: "#6d7884",
    grid: "#2b323a",
    series: ["#56a9e8", "#ff8f4d", "#2fc49a", "#e69ac6", "#f0c541", "#a6d8f7", "#b9c1ca", "#d9ae80"],
  },
};

export const themeNames = Object.keys(themes) as ThemeName[];

/** @throws ArgumentError for a theme that there is none of */
export const themeOf = (name: unknown): Theme => themes[choiceOf("theme", name, themeNames)];

export const colourOf = (theme: Theme, index: number): string => theme.series[index % theme.series.length];
