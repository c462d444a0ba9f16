// The devices that cases run on: one that most share, and one for each that wants its own. Opens and closes them.

import { type Device, init, setDevice } from "../engine/index.ts";
import type { BenchCase, OwnBackend } from "./bench-case.ts";

export class CaseDevices {
  readonly #backend: OwnBackend;
  #shared: Device | undefined;

  constructor(backend: OwnBackend) {
    this.#backend = backend;
  }

  /** Runs `use` on the case's device, which is the default one meanwhile; or tells why the case is not for it. */
  async run<T>(
    { ownDevice, openWith, skipOn }: BenchCase,
    use: (device: Device) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly unfit: string }> {
    const open = () => init({ device: this.#backend, seed: 1, ...openWith });
    if (ownDevice !== true) this.#shared ??= await open();
    const device = ownDevice === true ? await open() : this.#shared!;
    try {
      const unfit = skipOn?.(device.info);
      if (unfit !== undefined) return { unfit };
      setDevice(device);
      return { value: await use(device) };
    } finally {
      if (ownDevice === true) device.dispose();
    }
  }

  dispose(): void {
    this.#shared?.dispose();
  }
}
