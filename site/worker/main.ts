// The worker in which the playground trains: it takes the page's commands and tells of what comes of them.

import type { Told, ToWorker } from "./messages.ts";
import { Session } from "./session.ts";

interface Scope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: { data: ToWorker }) => void): void;
}

const scope = globalThis as unknown as Scope;
const session = new Session((message, transfer = [], number = 0) =>
  scope.postMessage({ message, number } satisfies Told, transfer),
);
scope.addEventListener("message", ({ data }) => session.take(data));
