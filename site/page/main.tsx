// The playground's entry.

import { render } from "preact";
import { App } from "./app.tsx";
import "./theme.ts";
import "uplot/dist/uPlot.min.css";
import "../style/main.css";
import { Store } from "./store.ts";

const place = document.getElementById("playground") as HTMLElement;
const store = new Store(location.hash);
place.replaceChildren();
render(<App store={store} />, place);
void store.start();
