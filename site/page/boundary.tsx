// What the net has learnt of a point set: its output over the plane, with the points upon it.

import { useMemo } from "preact/hooks";
import { makePoints, range } from "../setup/points.ts";
import { isPointSet } from "../setup/setup.ts";
import { useCanvas } from "./canvas.ts";
import { Panel } from "./fields.tsx";
import { css, drawMap, drawPoints, palette } from "./paint.ts";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

const side = 360;

export function BoundaryPanel() {
  const { state } = useStore("setup", "own", "boundary", "trainCount", "history");
  const { setup, boundary, trainCount, history } = state;
  const isRegression = specOfState(state).task === "regression";
  const points = useMemo(
    () =>
      isPointSet(setup.data)
        ? makePoints(setup.data, setup.samples, setup.noise, setup.seed)
        : { x: new Float32Array(), y: new Float32Array() },
    [setup.data, setup.samples, setup.noise, setup.seed],
  );
  const ringsFrom =
    trainCount > 0 ? trainCount : points.y.length - Math.round(points.y.length * setup.heldBack);
  const canvas = useCanvas(
    side,
    side,
    (context) => {
      const colors = palette();
      context.fillStyle = css(colors.middle);
      context.fillRect(0, 0, side, side);
      if (boundary !== undefined) {
        const { size, values } = boundary;
        const shown = isRegression ? values : values.map((value) => 2 * value - 1);
        drawMap(context, side, shown.map(softened), size, size, colors);
      }
      drawPoints(context, side, points.x, points.y, colors, { radius: 3.4, isRegression, ringsFrom });
    },
    [boundary, points, isRegression, ringsFrom],
  );
  const accuracy = setup.metric === "accuracy" ? history.at(-1)?.valMetric : undefined;
  return (
    <Panel title="What it has learnt" className="panel-boundary">
      <canvas
        ref={canvas}
        class="plane"
        role="img"
        aria-label={`The net's output over the plane, from minus ${range} to ${range}, with ${points.y.length} points${accuracy === undefined ? "" : `; ${(100 * accuracy).toFixed(1)} percent of the points held back are right`}`}
      />
      <p class="legend">
        <span class="dot dot-low" /> {isRegression ? "−1" : "class 0"}
        <span class="dot dot-high" /> {isRegression ? "1" : "class 1"}
        <span class="ring" /> held back
      </p>
    </Panel>
  );
}

/** Paler than the points, so that those stand out. */
const softened = (value: number): number => 0.62 * value;
