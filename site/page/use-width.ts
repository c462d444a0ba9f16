// How wide the page is, by the stylesheet's own limits.

import { useEffect, useState } from "preact/hooks";

export type Width = "wide" | "medium" | "narrow";

const limits = { narrow: "(max-width: 700px)", medium: "(max-width: 1180px)" } as const;

const widthNow = (): Width =>
  matchMedia(limits.narrow).matches ? "narrow" : matchMedia(limits.medium).matches ? "medium" : "wide";

export function useWidth(): Width {
  const [width, setWidth] = useState(widthNow);
  useEffect(() => {
    const look = () => setWidth(widthNow());
    const lists = Object.values(limits).map((limit) => matchMedia(limit));
    for (const list of lists) list.addEventListener("change", look);
    return () => {
      for (const list of lists) list.removeEventListener("change", look);
    };
  }, []);
  return width;
}
