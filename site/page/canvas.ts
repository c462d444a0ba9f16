// Canvases as sharp as the screen, drawn again when what they show or the page's colours change.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** @param draw in CSS pixels; called when one of `depends` has changed */
export function useCanvas(
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D) => void,
  depends: readonly unknown[],
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const scale = Math.min(3, window.devicePixelRatio || 1);
    element.width = Math.round(width * scale);
    element.height = Math.round(height * scale);
    const context = element.getContext("2d");
    if (context === null) return;
    context.scale(scale, scale);
    draw(context);
  }, [width, height, theme, ...depends]);
  return canvas;
}

/** Changes when the page becomes dark or light. */
export function useTheme(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const onChange = () => setVersion((before) => before + 1);
    const media = matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", onChange);
    const observer = new MutationObserver(onChange);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      media.removeEventListener("change", onChange);
      observer.disconnect();
    };
  }, []);
  return version;
}
