// A sample of the user's own for a net on the user's own data: an image, a text or a row, and what the net takes it for.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Column, OwnData } from "../setup/own-data.ts";
import { listed, rowOf } from "../setup/rows.ts";
import type { Tried } from "../worker/messages.ts";
import { type Answer, useAsker } from "./asker.ts";
import { ChooseImage } from "./choose-image.tsx";
import { Panel } from "./fields.tsx";
import { full } from "./format.ts";
import { drawSeen } from "./paint.ts";
import { bestOf, Said, Shares, named as saidOf, sharesOf, topShares } from "./shares.tsx";
import { useStore } from "./use-store.ts";

/** Classes that are shown. */
const most = 5;
/** Columns that the field's label names. */
const mostNames = 20;
const pictureSide = 128;

export function TryPanel({ own }: { own: OwnData }) {
  const { store } = useStore();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const { answer, give } = useAsker(store);
  useEffect(() => {
    setText("");
    setProblem("");
    give(undefined);
  }, [own]);
  const image = (file: File | undefined) => file !== undefined && give({ kind: "image", file });
  const write = (written: string) => {
    setText(written);
    setProblem("");
    if (written.trim() === "") return give(undefined);
    if (own.texts !== undefined) return give({ kind: "text", text: written });
    try {
      give({ kind: "values", x: rowOf(written, own.columns ?? [], own.csv?.decimal) });
    } catch (error) {
      give(undefined);
      setProblem((error as Error).message);
    }
  };
  const isImage = own.shape.length === 3;
  const isRow = !isImage && own.texts === undefined;
  return (
    <Panel
      title={isImage ? "Try an image" : isRow ? "Try a row" : "Try a text"}
      className="panel-try"
      onDrop={isImage ? (data) => image(data.files[0]) : undefined}
      aside={isImage ? <ChooseImage onChoose={image} /> : undefined}
    >
      {isImage ? (
        <Seen seen={answer.tried?.seen} />
      ) : isRow && own.columns === undefined ? (
        <p class="hint">
          This run was kept without what its columns were: choose its file again to try a row.
        </p>
      ) : (
        <Written own={own} text={text} problem={problem} onWrite={write} />
      )}
      <Answered own={own} answer={answer} />
    </Panel>
  );
}

interface WrittenProps {
  readonly own: OwnData;
  readonly text: string;
  readonly problem: string;
  onWrite(text: string): void;
}

function Written({ own, text, problem, onWrite }: WrittenProps) {
  return (
    <div class="field field-wide">
      <label for="trial">{own.texts === undefined ? columnsSaid(own.columns ?? []) : "A text"}</label>
      <textarea
        id="trial"
        rows={own.texts === undefined ? 2 : 3}
        value={text}
        placeholder={own.texts === undefined ? exampleOf(own) : undefined}
        aria-invalid={problem !== ""}
        aria-describedby="trial-problem"
        onInput={({ currentTarget }) => onWrite(currentTarget.value)}
      />
      <span class="field-problem" id="trial-problem">
        {problem}
      </span>
    </div>
  );
}

/** The first of them by name, and what categories there are. */
function columnsSaid(columns: readonly Column[]): string {
  const first = columns
    .slice(0, mostNames)
    .map(({ name, categories }) =>
      categories === undefined ? name.slice(0, 40) : `${name.slice(0, 40)} (${listed(categories, 3)})`,
    );
  const rest = columns.length > mostNames ? ` … (${columns.length} in all)` : "";
  return `A row of ${first.join(", ")}${rest}`;
}

/** A row that could be: means, and the first category of each. */
function exampleOf({ columns = [], csv }: OwnData): string {
  const hasCommas = csv?.decimal === ",";
  return columns
    .map(({ mean, categories }) => {
      const number = String(Number(mean.toPrecision(3)));
      if (categories === undefined) return hasCommas ? number.replace(".", ",") : number;
      const text = categories.find((kind) => kind !== "") ?? "";
      return /[",;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(hasCommas ? "; " : ", ");
}

function Answered({ own, answer }: { own: OwnData; answer: Answer }) {
  const before = "Give a sample of yours, to see what the net takes it for.";
  const { values } = answer.tried ?? {};
  if (own.task === "regression") {
    const { mean, deviation, name } = own.target ?? { mean: 0, deviation: 1, name: "the target" };
    return (
      <Said answer={answer} before={before}>
        {values !== undefined && `The net says ${full(values[0] * deviation + mean)} for ${name}.`}
      </Said>
    );
  }
  const shares = topShares(sharesOf(own.classNames, values), most);
  return (
    <>
      <Shares shares={shares} />
      <Said answer={answer} before={before}>
        {saidOf(bestOf(shares))}
      </Said>
    </>
  );
}

/** The image as the net sees it. */
function Seen({ seen }: { seen: Tried["seen"] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context == null) return;
    context.clearRect(0, 0, pictureSide, pictureSide);
    if (seen !== undefined) drawSeen(context, pictureSide, seen);
  }, [seen]);
  return (
    <canvas
      ref={canvas}
      width={pictureSide}
      height={pictureSide}
      class="seen"
      role="img"
      aria-label={seen === undefined ? "No image yet: choose or drop one" : "The image as the net sees it"}
    />
  );
}
