// Every layer from inside: what it gives, its weights, the gradients that come back, and what is wrong with them in words.

import type { LayerLook, UnitMaps } from "../worker/messages.ts";
import { useCanvas } from "./canvas.ts";
import { count, percent, short } from "./format.ts";
import { drawMap, palette } from "./paint.ts";
import { useStore } from "./use-store.ts";

export function LayersView() {
  const { state } = useStore("look", "units");
  const { look, units } = state;
  if (look === undefined)
    return <p class="hint">The first look into the layers comes while the net trains, or after a step.</p>;
  const mostGradient = Math.max(...look.layers.map(({ gradientNorm = 0 }) => gradientNorm));
  return (
    <div class="looks">
      {look.warnings.length === 0 ? (
        <p class="good">
          Nothing is wrong: gradients reach every layer, and no unit is dead or saturated beyond measure.
        </p>
      ) : (
        <ul class="warnings">
          {look.warnings.map(({ layer, text }) => (
            <li key={`${layer} ${text.slice(0, 30)}`}>{text}</li>
          ))}
        </ul>
      )}
      {look.layers.map((layer) => (
        <LayerRow
          key={layer.name}
          layer={layer}
          maps={units.find((map) => map.layer === layer.name)}
          mostGradient={mostGradient}
        />
      ))}
    </div>
  );
}

function LayerRow({
  layer,
  maps,
  mostGradient,
}: {
  layer: LayerLook;
  maps: UnitMaps | undefined;
  mostGradient: number;
}) {
  const kernel = layer.weights.find(({ shape }) => shape.length > 1) ?? layer.weights[0];
  const share = layer.gradientNorm === undefined ? 0 : logShare(layer.gradientNorm, mostGradient);
  return (
    <section class="look" aria-label={`Layer ${layer.name}`}>
      <header>
        <h3>{layer.name}</h3>
        <p>
          {layer.type}
          {layer.activation === undefined || layer.activation === "linear" ? "" : `, ${layer.activation}`}
        </p>
        {layer.deadUnits !== undefined && layer.deadUnits > 0 && (
          <p class="mark mark-dead">{percent(layer.deadUnits)} of units dead</p>
        )}
        {!layer.isOutput && layer.saturation !== undefined && layer.saturation >= 0.25 && (
          <p class="mark">{percent(layer.saturation)} saturated</p>
        )}
        {layer.gradientNorm !== undefined && (
          <p class="gradient">
            <span>gradient {short(layer.gradientNorm)}</span>
            <span class="meter" aria-hidden="true">
              <span style={{ width: `${100 * share}%` }} />
            </span>
          </p>
        )}
      </header>
      <div class="histograms">
        <Histogram
          title="Gives"
          detail={`${short(layer.mean)} ± ${short(layer.deviation)}`}
          buckets={layer.histogram}
        />
        {kernel !== undefined && (
          <>
            <Histogram
              title="Weights"
              detail={`${kernel.shape.map(count).join(" × ")}, norm ${short(kernel.norm)}`}
              buckets={kernel.histogram}
            />
            <Histogram
              title="Gradient"
              about="The gradient of the weights, and how much of the weights' norm a step changes"
              detail={
                kernel.updateRatio === undefined
                  ? "frozen"
                  : `a step moves weights ${short(100 * kernel.updateRatio)} %`
              }
              buckets={kernel.gradientHistogram}
            />
          </>
        )}
      </div>
      {maps !== undefined && <Units maps={maps} isRelu={layer.deadUnits !== undefined} />}
    </section>
  );
}

/** From a millionth of the largest on. */
const logShare = (value: number, most: number): number =>
  value <= 0 || most <= 0 ? 0 : Math.max(0.02, 1 + Math.log10(value / most) / 6);

const [width, height] = [190, 52];

function Histogram({
  title,
  about,
  detail,
  buckets,
}: {
  title: string;
  about?: string;
  detail: string;
  buckets: Float64Array | undefined;
}) {
  const canvas = useCanvas(
    width,
    height,
    (context) => {
      const colors = palette();
      context.clearRect(0, 0, width, height);
      if (buckets === undefined || buckets.length === 0) return;
      const counts = Array.from({ length: buckets.length / 3 }, (_, i) => buckets[3 * i + 2]);
      const tallest = Math.max(...counts, 1);
      const step = width / counts.length;
      counts.forEach((value, i) => {
        const [low, high] = [buckets[3 * i], buckets[3 * i + 1]];
        context.fillStyle = `rgb(${((low + high) / 2 < 0 ? colors.low : colors.high).join(" ")})`;
        const tall = value === 0 ? 0 : Math.max(1, Math.sqrt(value / tallest) * (height - 2));
        context.fillRect(i * step + 0.5, height - tall, Math.max(1, step - 1), tall);
      });
      context.fillStyle = colors.line;
      context.fillRect(0, height - 1, width, 1);
    },
    [buckets],
  );
  const ends =
    buckets === undefined || buckets.length === 0
      ? undefined
      : ([buckets[0], buckets[buckets.length - 2]] as const);
  return (
    <figure class="histogram" title={about}>
      <figcaption>
        <strong>{title}</strong> <span>{detail}</span>
      </figcaption>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${title}: ${ends === undefined ? "not finite" : `from ${short(ends[0])} to ${short(ends[1])}`}`}
      />
      <p class="ends" aria-hidden="true">
        <span>{short(ends?.[0])}</span>
        <span>{short(ends?.[1])}</span>
      </p>
    </figure>
  );
}

function Units({ maps, isRelu }: { maps: UnitMaps; isRelu: boolean }) {
  return (
    <ul class="units" aria-label="Units: what each gives">
      {Array.from({ length: maps.units }, (_, unit) => (
        <Unit key={unit} maps={maps} unit={unit} isRelu={isRelu} />
      ))}
    </ul>
  );
}

function Unit({ maps, unit, isRelu }: { maps: UnitMaps; unit: number; isRelu: boolean }) {
  const size = maps.width * maps.height;
  const values = maps.values.subarray(unit * size, (unit + 1) * size);
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const isDead = isRelu && most === 0;
  const canvas = useCanvas(
    40,
    40,
    (context) => {
      const scale = most === 0 ? 1 : 1 / most;
      drawMap(
        context,
        40,
        values.map((value) => value * scale),
        maps.width,
        maps.height,
        palette(),
      );
    },
    [maps, unit],
  );
  return (
    <li class={isDead ? "unit unit-dead" : "unit"}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={isDead ? `Unit ${unit + 1} is dead` : `Unit ${unit + 1}, up to ${short(most)}`}
        title={isDead ? "dead: 0 everywhere" : `up to ${short(most)}`}
      />
    </li>
  );
}
