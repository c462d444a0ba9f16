// The charts of the examples: SVG that holds what it should, PNG with real glyphs from the font npm brings.

import { describe, expect, it } from "vitest";
import { type Figure, renderPng, renderSvg } from "../../examples/support/plot.ts";

const figure: Figure = {
  title: "A title",
  panels: [
    {
      title: "Loss",
      xLabel: "epoch",
      yLabel: "cross-entropy (nats)",
      series: [
        { name: "training", values: [0.5, 0.3, 0.2] },
        { name: "test", values: [0.4, Number.NaN, 0.25], isDashed: true },
      ],
    },
    {
      title: "Accuracy",
      xLabel: "epoch",
      yLabel: "share",
      series: [{ name: "training", values: [0.8, 0.9, 0.95] }],
    },
  ],
};

/** Width and height from a PNG's header. */
const pngSize = (bytes: Uint8Array) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
};

describe("charts", () => {
  it("name their axes, panels and series", () => {
    const svg = renderSvg(figure);
    for (const text of [
      "A title",
      "Loss",
      "Accuracy",
      "epoch",
      "cross-entropy (nats)",
      "share",
      "training",
      "test",
    ]) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).not.toContain("NaN");
    expect(svg).toContain("DejaVu Sans");
  });

  it("leave out what is not finite", () => {
    const point = renderSvg({
      title: "",
      panels: [{ ...figure.panels[1], series: [{ name: "a", values: [Number.NaN] }] }],
    });
    expect(point).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("become PNG of twice the size, with text drawn", () => {
    const svg = renderSvg(figure);
    const png = renderPng(svg);
    expect([...png.slice(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect(pngSize(png)).toEqual([2240, 840]);
    const withoutText = renderPng(svg.replace(/<text[\s\S]*?<\/text>/g, ""));
    expect(png.length).toBeGreaterThan(withoutText.length * 1.1);
  });

  it("are made of one point or none", () => {
    for (const values of [[], [0.5]]) {
      const svg = renderSvg({
        title: "few",
        panels: [{ ...figure.panels[1], series: [{ name: "a", values }] }],
      });
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(renderPng(svg).length).toBeGreaterThan(1000);
    }
  });
});
