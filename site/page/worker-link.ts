// The training worker as the page has it: what it is told, what it tells, and answers to what it was asked.

import type { FromWorker, Told, ToWorker, Trial, Tried } from "../worker/messages.ts";

type Answer = FromWorker & { readonly kind: "file" | "tried" };

export class WorkerLink {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 0;

  /**
   * @param take gets what is no answer
   * @param fail gets why the worker ended
   */
  constructor(take: (told: Told) => void, fail: (why: string) => void) {
    const worker = new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Told>) => {
      const { message } = data;
      if (message.kind !== "file" && message.kind !== "tried") return take(data);
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      fail(event.message || "its script could not be loaded");
    });
    this.#worker = worker;
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  async save(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const answer = await this.#ask((id) => ({ kind: "save", id }));
    return answer.kind === "file" ? answer.bytes : undefined;
  }

  async try(sample: number, trial: Trial): Promise<Tried | undefined> {
    const answer = await this.#ask((id) => ({ kind: "try", id, sample, trial }));
    return answer.kind === "tried" ? answer.tried : undefined;
  }

  #ask(message: (id: number) => ToWorker): Promise<Answer> {
    const id = this.#nextId++;
    this.send(message(id));
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}
