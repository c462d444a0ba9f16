// DeviceWalk: walks a pipeline's rows where they lie on the device. Order and cursor live there too, so a step uploads
// nothing.

import {
  add,
  type Device,
  dynamicSlice,
  gather,
  noGrad,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { permutation } from "../../engine/internal.ts";
import type { BatchWalk } from "./batch-walk.ts";
import { identify, identityOf, takeIdentity } from "./identity.ts";
import type { DatasetPosition } from "./iterator.ts";
import type { DevicePlan } from "./plan.ts";
import type { Schedule } from "./schedule.ts";
import type { Stage } from "./stage.ts";

export class DeviceWalk implements BatchWalk {
  readonly #parts: readonly Tensor[];
  readonly #plan: DevicePlan;
  /** Batches of the whole chain in one pass. */
  readonly #length: number;
  readonly #schedule: Schedule;
  readonly #stage: Stage;
  /** Whether positions say of which pipeline they are. */
  readonly #isTracked: boolean;
  readonly #what: string;
  readonly #onShort: (steps: number) => void;
  readonly #cursor: Variable;
  readonly #order: Variable | undefined;
  /** The epoch that the order is of, and the batch that the cursor stands at; -1 before any. */
  #ordered = -1;
  #at = -1;
  #pass = 0;
  #next = 0;
  #steps = 0;

  /** @param parts rows of the plan's slices, all of them */
  constructor(
    device: Device,
    parts: readonly Tensor[],
    plan: DevicePlan,
    length: number,
    schedule: Schedule,
    what: string,
    stage: Stage,
    isTracked: boolean,
    onShort: (steps: number) => void,
  ) {
    this.#what = what;
    this.#stage = stage;
    this.#isTracked = isTracked;
    this.#parts = parts;
    this.#plan = plan;
    this.#length = length;
    this.#schedule = schedule;
    this.#onShort = onShort;
    const options = { device, trainable: false };
    this.#cursor = variable(plan.first, { ...options, dtype: "i32", name: "batch/cursor" });
    this.#cursor.isFleeting = true;
    if (plan.shuffle !== undefined) {
      this.#order = variable(new Uint32Array(plan.count), { ...options, dtype: "u32", name: "batch/order" });
      this.#order.isFleeting = true;
    }
  }

  get count(): number {
    const { batch, count } = this.#plan;
    const rows = batch.dropsRemainder ? (batch.length as number) * batch.size : count;
    return this.steps === batch.length ? rows : this.steps * batch.size;
  }

  get steps(): number {
    return Math.min(this.#schedule.stepsOf(this.#length), this.#length);
  }

  get keys(): readonly number[] {
    const { count, batch } = this.#plan;
    const rest = batch.dropsRemainder ? 0 : count % batch.size;
    return [...(count >= batch.size ? [batch.size] : []), ...(rest > 0 ? [rest] : [])];
  }

  get hasNext(): boolean {
    const { stepsPerEpoch = Infinity } = this.#schedule;
    if (this.#steps >= stepsPerEpoch) return false;
    if (this.#next < this.#length) return true;
    if (stepsPerEpoch !== Infinity) this.#onShort(this.#steps);
    return false;
  }

  get fullBatchesLeft(): number {
    const { batch, count } = this.#plan;
    const { index } = this.#plan.locate(this.#pass, this.#next);
    const { stepsPerEpoch = Infinity } = this.#schedule;
    return Math.min(
      Math.floor(count / batch.size) - index,
      this.#length - this.#next,
      stepsPerEpoch - this.#steps,
    );
  }

  begin(taken = 0, epoch = 0): void {
    const { epoch: pass, skip } = this.#schedule.begin(epoch, taken, this.#length);
    this.#pass = pass;
    this.#next = skip;
    this.#steps = taken;
    this.#schedule.note(this.position);
    // The first batch's place is set at the next step, in a submit of its own if there must be one.
    this.#at = -1;
    if (this.hasNext) this.#moveTo();
  }

  get position(): DatasetPosition {
    const place = { epoch: this.#pass, skip: this.#next };
    return this.#isTracked ? { ...place, ...identityOf(this.#stage) } : place;
  }

  async resumeAt(position: DatasetPosition): Promise<void> {
    await identify(this.#stage);
    takeIdentity(this.#what, this.#stage, position);
    this.#ordered = -1;
    this.#schedule.resumeAt(position);
  }

  get upcoming(): DatasetPosition | undefined {
    return this.#schedule.next;
  }

  rewind(upcoming: DatasetPosition | undefined): void {
    this.#schedule.resumeAt(upcoming);
    this.#ordered = -1;
  }

  advance(batches = 1): number {
    const { batch, count } = this.#plan;
    const index = this.#moveTo();
    const rows = Math.min(batch.size, count - index * batch.size);
    this.#at += batches;
    this.#next += batches;
    this.#steps += batches;
    this.#schedule.note(this.position);
    return rows;
  }

  take(rows: number): Tensor[] {
    return noGrad(() => {
      let take = (all: Tensor) => dynamicSlice(all, this.#cursor, rows);
      if (this.#order !== undefined) {
        const indices = dynamicSlice(this.#order, this.#cursor, rows);
        take = (all) => gather(all, indices);
      }
      const batch = this.#parts.map((part) => take(part));
      this.#cursor.assign(add(this.#cursor, rows));
      return batch;
    });
  }

  dispose(): void {
    this.#cursor.dispose();
    this.#order?.dispose();
  }

  /** Order and cursor as the next batch wants them. */
  #moveTo(): number {
    const { batch, first, count, shuffle, locate } = this.#plan;
    const { epoch, index } = locate(this.#pass, this.#next);
    const order = this.#order;
    if (shuffle !== undefined && order !== undefined && epoch !== this.#ordered) {
      noGrad(() =>
        tidy(() => {
          let rows: Tensor;
          if (shuffle.isWhole) {
            const state = tensor(shuffle.key.stateOf(epoch), { device: order.device });
            rows = permutation(state, count);
          } else {
            rows = tensor(shuffle.orderOf(epoch), { device: order.device });
          }
          order.assign(first === 0 ? rows : add(rows, first));
        }),
      );
      this.#ordered = epoch;
      this.#at = -1;
    }
    if (index !== this.#at) {
      this.#cursor.set([index * batch.size + (order === undefined ? first : 0)]);
      this.#at = index;
    }
    return index;
  }
}
