// The playground's entry.

import { render } from "preact";
import { App } from "./app.tsx";
import { keepPage } from "./dropped.ts";
import { startPage } from "./every-page.ts";
import "uplot/dist/uPlot.min.css";
import "../style/main.css";
import { Store } from "./store.ts";

startPage();
keepPage();
const place = document.getElementById("playground") as HTMLElement;
const store = new Store(location.hash);
// A kept run that is known of at the first frame moves nothing later; a slow disk is not waited for.
const patience = new Promise((resolve) => setTimeout(resolve, 1000));
void Promise.race([store.start(), patience]).finally(() => {
  place.replaceChildren();
  addEventListener("hashchange", () => store.readdressed());
  render(<App store={store} />, place);
});
