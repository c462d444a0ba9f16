// What a net gives over the plane of points: its output, and the outputs of its units.

import { disposeAll, type Tensor } from "gradgpu";
import { Model, type Sequential } from "gradgpu/nn";
import { range } from "../setup/points.ts";
import type { UnitMaps } from "./messages.ts";
import type { Rows } from "./samples.ts";

const size = 60;
const unitSize = 24;
/** Units of a layer that are shown. */
const most = 32;

export async function planeMaps(model: Sequential, withUnits: boolean) {
  const output = await model.predict(plane(size), { batchSize: size * size });
  const values = Float32Array.from(await output.data());
  output.dispose();
  const units = withUnits ? await unitMaps(model) : [];
  return { boundary: { size, values }, units };
}

async function unitMaps(model: Sequential): Promise<UnitMaps[]> {
  const shown = model.layers.filter(({ outputShape }) => outputShape?.length === 1).slice(0, -1);
  if (shown.length === 0) return [];
  // Its layers are the model's own, and go with it.
  const probe = new Model(
    model.inputs,
    shown.map((layer) => model.outputOf(layer)),
  );
  const given = await probe.predict(plane(unitSize), { batchSize: unitSize * unitSize });
  // One output is a tensor, several are a list.
  const outputs = (Array.isArray(given) ? given : [given]) as Tensor[];
  const maps = await Promise.all(
    outputs.map(async (output, k): Promise<UnitMaps> => {
      const found = await output.data();
      const width = output.shape[1];
      const units = Math.min(most, width);
      const values = new Float32Array(units * unitSize * unitSize);
      for (let i = 0; i < unitSize * unitSize; i++) {
        for (let unit = 0; unit < units; unit++)
          values[unit * unitSize * unitSize + i] = found[i * width + unit];
      }
      const layer = model.nameOf(shown[k]) ?? shown[k].name;
      return { layer, width: unitSize, height: unitSize, units, values };
    }),
  );
  disposeAll(outputs);
  return maps;
}

/** What the layers give for one image: channels as pictures, units as one pixel each. */
export async function imageMaps(model: Sequential, image: Rows): Promise<UnitMaps[]> {
  const shown = model.layers.filter(
    ({ outputShape, type }) => outputShape?.length === 3 && type !== "Dropout",
  );
  if (shown.length === 0) return [];
  const probe = new Model(
    model.inputs,
    shown.map((layer) => model.outputOf(layer)),
  );
  const given = await probe.predict(image, { batchSize: 1 });
  // One output is a tensor, several are a list.
  const outputs = (Array.isArray(given) ? given : [given]) as Tensor[];
  const maps = await Promise.all(
    outputs.map(async (output, k): Promise<UnitMaps> => {
      const [, height, width, channels] = output.shape;
      const units = Math.min(most, channels);
      const found = await output.data();
      const values = new Float32Array(units * height * width);
      for (let i = 0; i < height * width; i++) {
        for (let unit = 0; unit < units; unit++)
          values[unit * height * width + i] = found[i * channels + unit];
      }
      return { layer: model.nameOf(shown[k]) ?? shown[k].name, width, height, units, values };
    }),
  );
  disposeAll(outputs);
  return maps;
}

/** Points of a grid over the plane, the top row first: [side · side, 2]. */
function plane(side: number): Float32Array<ArrayBuffer> {
  const points = new Float32Array(2 * side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const at = 2 * (row * side + column);
      points[at] = ((column + 0.5) / side) * 2 * range - range;
      points[at + 1] = range - ((row + 0.5) / side) * 2 * range;
    }
  }
  return points;
}
