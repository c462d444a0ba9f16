// Canvases as sharp as the screen, drawn again when what they show or the page's colours change.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** Milliseconds of a frame for drawing; what is left is drawn in the next frame. */
const drawingMs = 8;
const waiting = new Set<() => void>();
let isScheduled = false;

/** Draws in the next frame, or in one of those behind it where much is to be drawn. */
function drawSoon(job: () => void): void {
  waiting.add(job);
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(drawWaiting);
}

function drawWaiting(): void {
  const began = performance.now();
  isScheduled = false;
  for (const job of waiting) {
    waiting.delete(job);
    job();
    if (performance.now() - began > drawingMs) break;
  }
  if (waiting.size > 0 && !isScheduled) {
    isScheduled = true;
    requestAnimationFrame(drawWaiting);
  }
}

/** @param draw in CSS pixels, on an empty canvas; called when one of `depends` has changed */
export function useCanvas(
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D) => void,
  depends: readonly unknown[],
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const job = () => {
      const element = canvas.current;
      const context = element?.getContext("2d");
      if (element === null || context == null) return;
      const scale = Math.min(3, window.devicePixelRatio || 1);
      const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
      // A canvas that gets its size again is made anew, which costs more than emptying it.
      if (element.width !== across) element.width = across;
      if (element.height !== down) element.height = down;
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, width, height);
      draw(context);
    };
    drawSoon(job);
    return () => void waiting.delete(job);
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
