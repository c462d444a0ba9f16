// A field to draw a digit on, or to show an image of one, and what the net takes it for.

import { useEffect, useRef } from "preact/hooks";
import { dataSpecs } from "../setup/setup.ts";
import { useAsker } from "./asker.ts";
import { useTheme } from "./canvas.ts";
import { ChooseImage } from "./choose-image.tsx";
import { Panel } from "./fields.tsx";
import { drawSeen, palette } from "./paint.ts";
import { bestOf, named, Said, Shares, sharesOf } from "./shares.tsx";
import { useStore } from "./use-store.ts";

const side = 224;
const pixels = 28;

export function DrawPanel() {
  const { store, state } = useStore("setup", "classNames");
  const canvas = useRef<HTMLCanvasElement>(null);
  const hasImage = useRef(false);
  const { answer, give } = useAsker(store);
  const theme = useTheme();
  const { classes } = dataSpecs[state.setup.data];
  const names = Array.from({ length: classes }, (_, i) => state.classNames[i] ?? String(i));
  const clear = () => {
    contextOf(canvas.current)?.clearRect(0, 0, side, side);
    hasImage.current = false;
    give(undefined);
  };
  const take = (file: File | undefined) => {
    if (file === undefined) return;
    clear();
    hasImage.current = true;
    give({ kind: "image", file });
  };
  const askOfInk = () => {
    const context = contextOf(canvas.current);
    const drawn = context === null ? undefined : centred(context.getImageData(0, 0, side, side).data);
    // What lies there of an image is no ink.
    if (drawn !== undefined && !hasImage.current) give({ kind: "values", x: drawn });
  };
  useEffect(clear, [state.setup.data]);
  // What is drawn stays, in the ink of the other theme.
  useEffect(() => {
    const context = contextOf(canvas.current);
    if (context === null || hasImage.current) return;
    context.globalCompositeOperation = "source-in";
    context.fillStyle = palette().ink;
    context.fillRect(0, 0, side, side);
    context.globalCompositeOperation = "source-over";
  }, [theme]);
  const seen = answer.tried?.seen;
  useEffect(() => {
    const context = contextOf(canvas.current);
    if (context !== null && seen !== undefined) drawSeen(context, side, seen);
  }, [seen]);
  const last = useRef<readonly [number, number] | undefined>(undefined);
  const draw = (event: PointerEvent) => {
    if (hasImage.current) clear();
    const element = canvas.current as HTMLCanvasElement;
    const context = contextOf(element) as CanvasRenderingContext2D;
    const box = element.getBoundingClientRect();
    const scale = side / box.width;
    const at = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale] as const;
    context.strokeStyle = palette().ink;
    context.lineWidth = 18;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...(last.current ?? at));
    context.lineTo(...at);
    context.stroke();
    last.current = at;
  };
  const shares = sharesOf(names, answer.tried?.values);
  return (
    <Panel
      title={state.setup.data === "mnist" ? "Draw a digit" : "Draw a piece of clothing"}
      className="panel-draw"
      onDrop={(data) => take(data.files[0])}
      aside={
        <span class="row">
          <ChooseImage onChoose={take} />
          <button type="button" class="button small" onClick={clear}>
            Clear
          </button>
        </span>
      }
    >
      <div class="draw">
        <canvas
          ref={canvas}
          width={side}
          height={side}
          class="pad"
          role="img"
          aria-label="A field to draw on with mouse, pen or finger"
          onPointerDown={(event) => {
            (event.currentTarget as HTMLCanvasElement).setPointerCapture(event.pointerId);
            last.current = undefined;
            draw(event);
          }}
          onPointerMove={(event) => {
            if (event.buttons !== 0) draw(event);
          }}
          onPointerUp={askOfInk}
        />
        <Shares shares={shares} />
      </div>
      <Said answer={answer} before="Draw on the field, or choose an image, to see what the net takes it for.">
        {named(bestOf(shares))}
      </Said>
    </Panel>
  );
}

const contextOf = (canvas: HTMLCanvasElement | null) =>
  canvas?.getContext("2d", { willReadFrequently: true }) ?? null;

/** As MNIST's digits lie: 20 pixels large, their middle of mass in the middle of 28 x 28; undefined of an empty field. */
function centred(data: Uint8ClampedArray): Float32Array<ArrayBuffer> | undefined {
  let [left, top, right, bottom, mass, middleX, middleY] = [side, side, -1, -1, 0, 0, 0];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const ink = data[4 * (y * side + x) + 3];
      if (ink === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      mass += ink;
      middleX += ink * x;
      middleY += ink * y;
    }
  }
  if (mass === 0) return undefined;
  const scale = Math.max(right - left, bottom - top, 1) / 20;
  const image = new Float32Array(pixels * pixels);
  for (let y = 0; y < pixels; y++) {
    for (let x = 0; x < pixels; x++)
      image[y * pixels + x] = meanInk(
        data,
        middleX / mass + (x + 0.5 - pixels / 2) * scale,
        middleY / mass + (y + 0.5 - pixels / 2) * scale,
        scale,
      );
  }
  return image;
}

/** Mean ink, 0 to 1, of a square around a place. */
function meanInk(data: Uint8ClampedArray, x: number, y: number, size: number): number {
  const reach = Math.max(1, Math.round(size));
  let sum = 0;
  for (let dy = 0; dy < reach; dy++) {
    for (let dx = 0; dx < reach; dx++) {
      const [column, row] = [Math.round(x + dx - size / 2), Math.round(y + dy - size / 2)];
      if (column >= 0 && row >= 0 && column < side && row < side) sum += data[4 * (row * side + column) + 3];
    }
  }
  return sum / (255 * reach * reach);
}
