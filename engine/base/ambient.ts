// Ambient values: what holds while a function runs, such as the open scope, who records, the name of the layer.

/** An ambient value and what it is to be. */
export interface Setting<T = unknown> {
  readonly ambient: Ambient<T>;
  readonly value: T;
}

/** A value that functions find as their caller has set it, through any calls between. */
export class Ambient<T> {
  /** What it is now. A plain property, because ops read it at every call. */
  value: T;
  readonly #again: ((value: T) => T) | undefined;

  /** @param again what the value is where a block that it held for runs again (a checkpoint's); such blocks keep it */
  constructor(initial: T, again?: (value: T) => T) {
    this.value = initial;
    this.#again = again;
    if (again !== undefined) kept.push(this);
  }

  /** The value now, as a block that runs again gets it. */
  settingAgain(): Setting<T> {
    return { ambient: this, value: this.#again === undefined ? this.value : this.#again(this.value) };
  }

  /** Runs `fn` with another value, and restores the one before. */
  with<R>(value: T, fn: () => R): R {
    const before = this.value;
    this.value = value;
    try {
      return fn();
    } finally {
      this.value = before;
    }
  }

  /** The value now, to be set again by {@link withAmbient}. */
  setting(): Setting<T> {
    return { ambient: this, value: this.value };
  }

  to(value: T): Setting<T> {
    return { ambient: this, value };
  }
}

// biome-ignore lint/suspicious/noExplicitAny: unlike ambient values stand in one list
const kept: Ambient<any>[] = [];

/** What a block that will run again wants set then: the values now of all that have a rule for it. */
export const settingsAgain = (): Setting[] => kept.map((ambient) => ambient.settingAgain());

/** Runs `fn` with several ambient values set, and restores those before. */
// biome-ignore lint/suspicious/noExplicitAny: settings of unlike ambient values stand in one list
export function withAmbient<R>(settings: readonly Setting<any>[], fn: () => R): R {
  const before = settings.map(({ ambient }) => ambient.setting());
  for (const { ambient, value } of settings) ambient.value = value;
  try {
    return fn();
  } finally {
    for (const { ambient, value } of before.reverse()) ambient.value = value;
  }
}
