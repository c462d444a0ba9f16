// A sample of the user's own for a net on the user's own data: an image, a text or a row, and what the net takes it for.

import { useEffect, useRef, useState } from "preact/hooks";
import type { OwnData } from "../setup/own-data.ts";
import type { Trial, Tried } from "../worker/messages.ts";
import { ChooseImage } from "./choose-image.tsx";
import { rowOf } from "./csv.ts";
import { Panel } from "./fields.tsx";
import { percent, short } from "./format.ts";
import { drawSeen } from "./paint.ts";
import { bestOf, Shares, sharesOf, topShares } from "./shares.tsx";
import { useStore } from "./use-store.ts";

/** Classes that are shown. */
const most = 5;
const pictureSide = 128;

export function TryPanel({ own }: { own: OwnData }) {
  const { store, state } = useStore("epoch", "isBuilt");
  const [trial, setTrial] = useState<Trial | undefined>(undefined);
  const [tried, setTried] = useState<Tried | undefined>(undefined);
  const [problem, setProblem] = useState("");
  const asked = useRef(0);
  useEffect(() => {
    setTrial(undefined);
    setTried(undefined);
    setProblem("");
  }, [own]);
  // A net that has learnt more may see something else.
  useEffect(() => {
    if (trial === undefined || !state.isBuilt) return;
    const number = ++asked.current;
    void store.try(trial).then((found) => {
      if (number === asked.current) setTried(found);
    });
  }, [trial, state.epoch, state.isBuilt]);
  const image = (file: File | undefined) => file !== undefined && setTrial({ kind: "image", file });
  const write = (text: string) => {
    setProblem("");
    setTried(undefined);
    if (text.trim() === "") return setTrial(undefined);
    if (own.texts !== undefined) return setTrial({ kind: "text", text });
    try {
      setTrial({ kind: "values", x: rowOf(text, own.columns ?? []) });
    } catch (error) {
      setTrial(undefined);
      setProblem((error as Error).message);
    }
  };
  const isImage = own.shape.length === 3;
  return (
    <Panel
      title={isImage ? "Try an image" : own.texts === undefined ? "Try a row" : "Try a text"}
      className="panel-try"
      onDrop={isImage ? (data) => image(data.files[0]) : undefined}
      aside={isImage ? <ChooseImage onChoose={image} /> : undefined}
    >
      {isImage ? <Seen seen={tried?.seen} /> : <Written own={own} problem={problem} onWrite={write} />}
      <Answer own={own} tried={tried} />
    </Panel>
  );
}

function Written({ own, problem, onWrite }: { own: OwnData; problem: string; onWrite(text: string): void }) {
  const columns = own.columns?.map(({ name }) => name) ?? [];
  const label = own.texts === undefined ? `Numbers: ${columns.join(", ")}` : "A text";
  return (
    <div class="field field-wide">
      <label for="trial">{label}</label>
      <textarea
        id="trial"
        rows={own.texts === undefined ? 1 : 3}
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

function Answer({ own, tried }: { own: OwnData; tried: Tried | undefined }) {
  if (own.task === "regression") {
    const { target } = own;
    const value = tried?.values[0];
    return (
      <p class="hint" aria-live="polite">
        {value === undefined || target === undefined
          ? "Train the net for an epoch or more, then try a sample of yours."
          : `The net says ${short(value * target.deviation + target.mean)} for ${target.name}.`}
      </p>
    );
  }
  const shares = topShares(sharesOf(own.classNames, tried?.values), most);
  const best = bestOf(shares);
  return (
    <>
      <Shares shares={shares} />
      <p class="hint" aria-live="polite">
        {best?.value === undefined
          ? "Train the net for an epoch or more, then try a sample of yours."
          : `The net says ${best.name}, with ${percent(best.value)}.`}
      </p>
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
