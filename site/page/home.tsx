// The home page's net: it trains in front of the reader when asked to.

import { render } from "preact";
import { startPage } from "./every-page.ts";
import "../style/main.css";
import { BoundaryPanel } from "./boundary.tsx";
import { TrainButton } from "./controls.tsx";
import { percent } from "./format.ts";
import { Store } from "./store.ts";
import { StoreContext, useStore } from "./use-store.ts";

function Demo() {
  const { epoch, history, device, problems } = useStore("epoch", "history", "device", "problems").state;
  const right = history.at(-1)?.valMetric;
  return (
    <>
      <BoundaryPanel />
      <p class="row">
        <TrainButton />
        <span class="hint">
          {right === undefined
            ? device === undefined
              ? "Opening the device…"
              : device.kind === "webgpu"
                ? `On ${device.adapter}, by WebGPU`
                : `On the CPU reference${device.reason === "" ? "" : `: ${device.reason}`}`
            : `Epoch ${epoch}: ${percent(right)} of the points held back are right`}
        </span>
      </p>
      {problems.map(({ about, text }) => (
        <p class="problem" key={about}>
          {text}
        </p>
      ))}
    </>
  );
}

startPage();
const place = document.getElementById("demo") as HTMLElement;
const store = new Store("", { keepsRuns: false, hasLayers: false });
place.replaceChildren();
render(
  <StoreContext.Provider value={store}>
    <Demo />
  </StoreContext.Provider>,
  place,
);
void store.start();
