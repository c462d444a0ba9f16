// What a page of logs shows, collected from event files and histories as plain data: runs, curves, histograms, images, text.

/** Points of a curve at most; of longer ones the least and the largest of each part are kept. */
const mostPoints = 2000;
/** Steps of histograms, images and texts of one tag at most, evenly chosen, the last one among them. */
const most = { histograms: 24, images: 12, texts: 50 };

/**
 * @param {{ name: string, log: import("../../nn/logs/read-events.ts").EventLog }[]} logs by the path of their folder
 * @returns what client.js reads
 */
export function collect(logs) {
  const runs = logs.map(({ name }) => ({ name, ...partsOf(name) }));
  /** Whether all steps are epochs. */
  const isHistory = logs.every(({ log }) => log.isHistory);
  const data = { runs, isHistory, scalars: [], histograms: [], images: [], texts: [], hparams: [] };
  logs.forEach(({ log }, run) => {
    for (const [tag, points] of log.scalars) {
      const sorted = [...points].sort((a, b) => a.step - b.step);
      const shown = thinned(sorted);
      entryOf(data.scalars, tag).series.push({
        run,
        points: points.length,
        steps: shown.map(({ step }) => step),
        seconds: shown.map(({ seconds }) => seconds),
        // JSON has no NaN.
        values: shown.map(({ value }) => (Number.isFinite(value) ? value : null)),
      });
    }
    for (const [tag, list] of log.histograms) {
      const entries = some(list, most.histograms).map(({ step, buckets }) => ({ step, buckets }));
      entryOf(data.histograms, tag).series.push({ run, entries });
    }
    for (const [tag, list] of log.images) {
      const entries = some(list, most.images).map(({ step, width, height, images }) => ({
        step,
        width,
        height,
        images: images.map((bytes) => dataUrl(bytes)).filter(Boolean),
      }));
      entryOf(data.images, tag).series.push({ run, entries });
    }
    for (const [tag, list] of log.texts) {
      const entries = some(list, most.texts).map(({ step, rows }) => ({ step, rows }));
      entryOf(data.texts, tag).series.push({ run, entries });
    }
    if (log.hparams !== undefined) {
      data.hparams.push({ group: runs[run].group, values: Object.entries(log.hparams) });
    }
  });
  data.scalars.sort((a, b) => rank(a.tag) - rank(b.tag) || (a.tag < b.tag ? -1 : 1));
  return data;
}

/** "deep-net/train" is the part "train" of "deep-net"; what lies in no such folder is a run by itself. */
function partsOf(name) {
  const match = /^(?:(.*)\/)?(train|training|validation|val|eval|test)$/.exec(name);
  if (match === null) return { group: name, part: "" };
  return { group: match[1] ?? "", part: /^train/.test(match[2]) ? "train" : match[2] };
}

/** Losses first, then accuracies; those by epoch before those by step. */
function rank(tag) {
  const kind = /loss/i.test(tag) ? 0 : /acc/i.test(tag) ? 1 : 2;
  return kind + (/^(batch|evaluation)_/.test(tag) ? 10 : 0);
}

function entryOf(list, tag) {
  let found = list.find((entry) => entry.tag === tag);
  if (found === undefined) {
    found = { tag, series: [] };
    list.push(found);
  }
  return found;
}

function thinned(points) {
  if (points.length <= mostPoints) return points;
  const kept = [points[0]];
  const part = (points.length - 2) / (mostPoints / 2 - 1);
  for (let i = 0; i < mostPoints / 2 - 1; i++) {
    const some = points.slice(1 + Math.floor(i * part), 1 + Math.floor((i + 1) * part));
    const known = some.filter(({ value }) => Number.isFinite(value));
    if (known.length === 0) {
      kept.push(...some.slice(0, 1));
      continue;
    }
    const low = known.reduce((a, b) => (b.value < a.value ? b : a));
    const high = known.reduce((a, b) => (b.value > a.value ? b : a));
    kept.push(...(low === high ? [low] : low.step < high.step ? [low, high] : [high, low]));
  }
  return [...kept, points.at(-1)];
}

function some(list, count) {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))]);
}

const kinds = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
];

/** Undefined for what is no picture. */
function dataUrl(bytes) {
  const kind = kinds.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte));
  return kind && `data:${kind[0]};base64,${Buffer.from(bytes).toString("base64")}`;
}

/**
 * The curves of a `history.json`, JSON of a History (or of its `history` alone), as logs of a run.
 *
 * @param {unknown} json
 * @returns {{ name: string, log: object }[] | undefined} undefined for what is no history
 */
export function logsOfHistory(json, name) {
  const isLists = (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.values(value).length > 0 &&
    Object.values(value).every(
      (list) => Array.isArray(list) && list.every((one) => one === null || typeof one === "number"),
    );
  const curves = isLists(json?.history) ? json.history : isLists(json) ? json : undefined;
  if (curves === undefined) return undefined;
  const epochs = Array.isArray(json.epoch) ? json.epoch : undefined;
  const spent = Array.isArray(json.epochSeconds) ? json.epochSeconds : [];
  const until = (i) => spent.slice(0, i + 1).reduce((sum, seconds) => sum + seconds, 0);
  const parts = { train: new Map(), validation: new Map() };
  for (const [key, values] of Object.entries(curves)) {
    if (curves === json && (key === "epoch" || key === "epochSeconds")) continue;
    const [part, tag] = partOf(key, curves);
    parts[part].set(
      tag,
      values.map((value, i) => ({ step: epochs?.[i] ?? i, seconds: until(i), value: value ?? Number.NaN })),
    );
  }
  return Object.entries(parts)
    .filter(([, scalars]) => scalars.size > 0)
    .map(([part, scalars]) => ({
      name: name === "" ? part : `${name}/${part}`,
      log: {
        isHistory: true,
        scalars,
        histograms: new Map(),
        images: new Map(),
        texts: new Map(),
        hparams: undefined,
      },
    }));
}

/** "valLoss" and Keras's "val_loss" are the validation's "loss", where there is a "loss". */
function partOf(key, curves) {
  const rest = /^val(?:_(.+)|([A-Z].*))$/.exec(key);
  const tag = rest && (rest[1] ?? rest[2].charAt(0).toLowerCase() + rest[2].slice(1));
  return tag && Object.hasOwn(curves, tag) ? ["validation", tag] : ["train", key];
}
