// A part of the page that is fetched when it is first shown.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function later<P extends object>(fetched: () => Promise<ComponentType<P>>): ComponentType<P> {
  let Part: ComponentType<P> | undefined;
  return function Later(props: P) {
    const [state, say] = useState<"coming" | "here" | "failed">(Part === undefined ? "coming" : "here");
    useEffect(() => {
      if (Part !== undefined) return;
      fetched().then(
        (part) => {
          Part = part;
          say("here");
        },
        () => say("failed"),
      );
    }, []);
    if (Part !== undefined) return <Part {...props} />;
    return (
      <p class="hint">
        {state === "failed" ? "This part could not be loaded. Choose it again, or reload the page." : "…"}
      </p>
    );
  };
}
