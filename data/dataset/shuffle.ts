// Shuffled: elements in a random order, another each epoch. The order follows from the seed and the epoch's number.

import { device, RandomSource } from "../../engine/index.ts";
import { fillPermutation, philoxFill, randomPurpose } from "../../engine/internal.ts";
import { after, type Cursor, end, isPromised, type Maybe, openAt, Stage } from "./stage.ts";

/** Key and stream of a shuffle: given by a seed, or drawn from the device's seed, or at random where none is open. */
export class ShuffleKey {
  #words: Uint32Array | undefined;

  constructor(seed: number | undefined) {
    if (seed !== undefined) this.#words = new RandomSource(seed).state();
    else this.#words = wordsOfDevice();
  }

  /** `[key low, key high, counter, stream]` of an epoch. */
  stateOf(epoch: number): Uint32Array<ArrayBuffer> {
    const [low, high, , stream] = this.words;
    return Uint32Array.of(low, high, epoch % 2 ** 32, stream);
  }

  /** What a checkpoint keeps so that a set made anew has the same orders. */
  get words(): Uint32Array {
    this.#words ??= wordsOfDevice() ?? new RandomSource(Math.floor(Math.random() * 2 ** 53)).state();
    return this.#words;
  }

  set words(words: Uint32Array) {
    this.#words = words;
  }
}

function wordsOfDevice(): Uint32Array | undefined {
  try {
    return device().random.state();
  } catch {
    return undefined;
  }
}

export class Shuffled extends Stage {
  readonly call: string;
  readonly key: ShuffleKey;
  readonly #bufferSize: number | undefined;
  /** Of the epochs asked for last. */
  readonly #orders = new Map<number, Uint32Array>();

  constructor(source: Stage, bufferSize: number | undefined, seed: number | undefined) {
    super([source]);
    this.#bufferSize = bufferSize;
    this.key = new ShuffleKey(seed);
    this.call = `shuffle(${bufferSize ?? ""})`;
  }

  /** Takes another key: that of a run that goes on here. */
  reseed(words: ArrayLike<number>): void {
    this.key.words = Uint32Array.from(words);
    this.#orders.clear();
  }

  get length(): number | undefined {
    return this.source.length;
  }

  /** Whether each element may come at each place. */
  get isWhole(): boolean {
    const { length } = this.source;
    return this.#bufferSize === undefined || (length !== undefined && this.#bufferSize >= length);
  }

  override get isIndexed(): boolean {
    const { isIndexed, length } = this.source;
    return isIndexed && length !== undefined && length < 2 ** 31;
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    return this.source.at(epoch, this.orderOf(epoch)[index]);
  }

  override get canGather(): boolean {
    return this.isIndexed && this.source.canGather;
  }

  override gather(epoch: number, indices: Uint32Array): Maybe<unknown> {
    const order = this.orderOf(epoch);
    return this.source.gather(
      epoch,
      indices.map((index) => order[index]),
    );
  }

  override cursor(epoch: number, from: number): Cursor {
    if (this.isIndexed) return super.cursor(epoch, from);
    return this.isWhole ? this.#whole(epoch) : this.#buffered(epoch);
  }

  /** Where the elements of an epoch come from. */
  orderOf(epoch: number): Uint32Array {
    const known = this.#orders.get(epoch);
    if (known !== undefined) return known;
    const order = new Uint32Array(this.length as number);
    if (this.isWhole) fillPermutation(order, this.key.stateOf(epoch));
    else this.#fillBuffered(order, epoch);
    // The epoch that runs and one that is read ahead.
    for (const old of [...this.#orders.keys()].slice(0, -1)) this.#orders.delete(old);
    this.#orders.set(epoch, order);
    return order;
  }

  /** The order in which a buffer gives whole numbers. */
  #fillBuffered(order: Uint32Array, epoch: number): void {
    const pick = picks(this.key.stateOf(epoch));
    const buffer = Uint32Array.from({ length: this.#bufferSize as number }, (_, i) => i);
    let filled = buffer.length;
    let next = filled;
    for (let i = 0; i < order.length; i++) {
      const at = pick(filled);
      order[i] = buffer[at];
      buffer[at] = next < order.length ? next++ : buffer[--filled];
    }
  }

  /** Reads all there is, and then gives it in its order. */
  #whole(epoch: number): Cursor {
    const cursor = openAt(this.source, epoch, 0);
    const elements: unknown[] = [];
    let order: Uint32Array | undefined;
    let next = 0;
    const give = (): unknown => {
      if (order === undefined) {
        order = new Uint32Array(elements.length);
        fillPermutation(order, this.key.stateOf(epoch));
      }
      if (next === order.length) return end;
      const element = elements[order[next]];
      elements[order[next++]] = undefined;
      return element;
    };
    const pull = (): Maybe<unknown> => {
      while (order === undefined) {
        const found = cursor.pull();
        if (isPromised(found)) return later(found);
        if (found === end) break;
        elements.push(found);
      }
      return give();
    };
    const later = async (first: Promise<unknown>): Promise<unknown> => {
      for (let found = await first; found !== end; found = await cursor.pull()) elements.push(found);
      return give();
    };
    return { pull, close: () => cursor.close() };
  }

  #buffered(epoch: number): Cursor {
    const cursor = openAt(this.source, epoch, 0);
    const size = this.#bufferSize as number;
    const buffer: unknown[] = [];
    const pick = picks(this.key.stateOf(epoch));
    let isOver = false;
    /** Where the next element goes: into the gap that the last one left. */
    const put = (element: unknown): void => {
      if (element === end) isOver = true;
      else buffer.push(element);
    };
    const pull = (): Maybe<unknown> => {
      while (!isOver && buffer.length < size) {
        const found = cursor.pull();
        if (isPromised(found)) return filled(found);
        put(found);
      }
      return buffer.length === 0 ? end : taken();
    };
    const filled = async (first: Promise<unknown>): Promise<unknown> => {
      put(await first);
      while (!isOver && buffer.length < size) put(await cursor.pull());
      return buffer.length === 0 ? end : taken();
    };
    const taken = (): Maybe<unknown> => {
      const at = pick(buffer.length);
      const element = buffer[at];
      return after(isOver ? end : cursor.pull(), (next) => {
        if (next === end) {
          isOver = true;
          const last = buffer.pop();
          if (at < buffer.length) buffer[at] = last;
        } else {
          buffer[at] = next;
        }
        return element;
      });
    };
    return { pull, close: () => cursor.close() };
  }
}

/** A sequence of places below a count that may differ from one to the next. */
function picks([low, high, counter, stream]: Uint32Array): (count: number) => number {
  const words = new Uint32Array(256);
  let next = words.length;
  let block = 0;
  return (count) => {
    if (next === words.length) {
      philoxFill(words, counter, stream, randomPurpose.picks, low, high, block);
      block += words.length / 4;
      next = 0;
    }
    return Math.floor((words[next++] / 2 ** 32) * count);
  };
}
