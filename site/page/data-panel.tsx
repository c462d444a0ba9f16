// What the net is to learn: a point set, images, or the user's own rows.

import { makePoints } from "../setup/points.ts";
import { type DataName, dataSpecs, isOwn, isPointSet, type Setup } from "../setup/setup.ts";
import { useCanvas } from "./canvas.ts";
import { NumberField, Panel, SliderField } from "./fields.tsx";
import { OwnFiles, useOwnFiles } from "./own-files.tsx";
import { drawPoints, palette } from "./paint.ts";
import { useStore } from "./use-store.ts";

const names = Object.keys(dataSpecs) as DataName[];

export function DataPanel() {
  const { store, state } = useStore("setup", "trainCount", "validationCount", "own");
  const { setup, trainCount, validationCount } = state;
  const own = useOwnFiles();
  const change = (patch: Partial<Setup>) => store.change(patch);
  return (
    <Panel title="Data" onDrop={(data) => void own.drop(data)}>
      <div class="choices">
        <div class="choices-known" role="radiogroup" aria-label="Data">
          {names
            .filter((name) => !isOwn(name))
            .map((name) => (
              <label key={name} class="choice">
                <input
                  type="radio"
                  name="data"
                  checked={setup.data === name}
                  onChange={() => store.chooseData(name)}
                />
                <Thumbnail name={name} />
                <span>{dataSpecs[name].label}</span>
              </label>
            ))}
        </div>
        {/* They open a chooser, and nothing changes before a file was chosen. */}
        {names.filter(isOwn).map((name) => (
          <button
            key={name}
            type="button"
            class="choice"
            aria-pressed={setup.data === name}
            onClick={() => own.choose(name)}
          >
            <Thumbnail name={name} />
            <span>{dataSpecs[name].label}</span>
          </button>
        ))}
      </div>
      <OwnFiles files={own} />
      {isPointSet(setup.data) && (
        <>
          <SliderField
            label="Noise"
            shown={`${Math.round(setup.noise * 100)} %`}
            value={setup.noise}
            min={0}
            max={0.3}
            step={0.01}
            onChange={(noise) => change({ noise })}
          />
          <NumberField
            label="Points"
            value={setup.samples}
            min={20}
            max={5000}
            isWhole
            onChange={(samples) => change({ samples })}
          />
        </>
      )}
      {(setup.data === "mnist" || setup.data === "fashion") && (
        <NumberField
          label="Images"
          value={setup.samples}
          min={100}
          max={4000}
          isWhole
          onChange={(samples) => change({ samples })}
        />
      )}
      <SliderField
        label="Held back"
        shown={`${Math.round(setup.heldBack * 100)} %`}
        value={setup.heldBack}
        min={0.1}
        max={0.8}
        step={0.05}
        onChange={(heldBack) => change({ heldBack })}
      />
      <NumberField
        label="Seed"
        value={setup.seed}
        min={0}
        max={2 ** 31}
        isWhole
        onChange={(seed) => change({ seed })}
      />
      <p class="hint">
        {trainCount > 0
          ? `${trainCount} samples to train on, ${validationCount} to validate on.`
          : isOwn(setup.data)
            ? ""
            : "The samples are being made."}
      </p>
    </Panel>
  );
}

/** What a set looks like, as large as a thumb. */
function Thumbnail({ name }: { name: DataName }) {
  const canvas = useCanvas(
    44,
    44,
    (context) => {
      const colors = palette();
      if (isPointSet(name)) {
        const { x, y } = makePoints(name, name === "plane" || name === "hills" ? 420 : 150, 0.01, 3);
        drawPoints(context, 44, x, y, colors, {
          radius: 1.4,
          isRegression: dataSpecs[name].task === "regression",
        });
        return;
      }
      context.fillStyle = colors.muted;
      context.font = "600 15px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      if (name === "fashion") drawShirt(context);
      else if (name === "images") drawPicture(context);
      else context.fillText({ mnist: "5 8", csv: "1, 2", text: "a b c" }[name], 22, 23);
    },
    [name],
  );
  return (
    <span aria-hidden="true">
      <canvas ref={canvas} class="thumbnail" />
    </span>
  );
}

function drawShirt(context: CanvasRenderingContext2D): void {
  const outline = [
    [15, 9],
    [4, 16],
    [8, 23],
    [13, 20],
    [13, 36],
    [31, 36],
    [31, 20],
    [36, 23],
    [40, 16],
    [29, 9],
  ] as const;
  context.beginPath();
  for (const [x, y] of outline) context.lineTo(x, y);
  context.quadraticCurveTo(22, 17, 15, 9);
  context.fill();
}

function drawPicture(context: CanvasRenderingContext2D): void {
  context.strokeStyle = context.fillStyle;
  context.lineWidth = 2;
  context.strokeRect(7, 10, 30, 24);
  context.beginPath();
  context.arc(16, 18, 3, 0, 2 * Math.PI);
  context.moveTo(9, 32);
  for (const [x, y] of [
    [19, 23],
    [23, 27],
    [29, 19],
    [35, 32],
  ])
    context.lineTo(x, y);
  context.fill();
}
