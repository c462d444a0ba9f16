// A button for what can't be undone: it asks, and a second press does it.

import { useState } from "preact/hooks";

interface SureButtonProps {
  readonly id?: string;
  readonly text: string;
  /** What it asks after the first press. */
  readonly question: string;
  /** How it is named where its text alone does not say what it is about. */
  readonly label?: string;
  onSure(): void;
}

export function SureButton({ id, text, question, label = text, onSure }: SureButtonProps) {
  const [isAsking, setAsking] = useState(false);
  return (
    <button
      id={id}
      type="button"
      class={isAsking ? "link sure" : "link"}
      aria-label={isAsking ? `${label}: ${question}` : label}
      onBlur={() => setAsking(false)}
      onKeyDown={({ key }) => key === "Escape" && setAsking(false)}
      onClick={() => {
        setAsking(!isAsking);
        if (isAsking) onSure();
      }}
    >
      {isAsking ? question : text}
    </button>
  );
}
