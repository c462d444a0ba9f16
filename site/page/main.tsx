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
place.replaceChildren();
render(<App store={store} />, place);
void store.start();
