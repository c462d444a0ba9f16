// Compiles kernels: modules by source, pipelines by source and constants, size buffers by content. All bounded.
// Errors of the driver arrive later and are told with the lines around each mistake.

import { ShaderError } from "../../base/errors.ts";
import type { KernelCall, Operand, SizeWord } from "../../kernel/kernel.ts";
import { encodeSizes } from "../../kernel/sizes.ts";
import { specialize } from "../../kernel/specialize.ts";

export interface Pipeline {
  readonly id: number;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly operands: readonly Operand[];
  readonly label: string;
  /** Why the driver refused it, once that is known. */
  failure: ShaderError | undefined;
}

/** A kernel call ready to be dispatched. */
export interface Kernel {
  /** The op's name, or the fused unit's. */
  readonly name: string;
  readonly call: KernelCall;
  readonly pipeline: Pipeline;
}

export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #report: (error: Promise<Error | undefined>) => void;
  readonly #pipelines = new Map<string, Pipeline>();
  /** Pipelines on their way, asked for ahead. */
  readonly #coming = new Map<string, Promise<Pipeline>>();
  #nextId = 1;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  constructor(device: GPUDevice, report: (error: Promise<Error | undefined>) => void) {
    this.#device = device;
    this.#report = report;
  }

  get count(): number {
    return this.#pipelines.size;
  }

  /** The compiled pipeline of a kernel call; `op` names it in errors. */
  get(call: KernelCall, op: string): Pipeline {
    const wanted = this.#want(call, op);
    const found = this.#pipelines.get(wanted.key);
    if (found !== undefined) return found;
    this.#device.pushErrorScope("validation");
    const descriptor = this.#describe(wanted);
    const pipeline = this.#device.createComputePipeline(descriptor);
    const failure = this.#device.popErrorScope();
    const made = this.#keep(wanted, pipeline);
    const explained = explain(
      failure,
      descriptor.compute.module,
      wanted,
      new ShaderError(`${wanted.label}: was first used here`),
    );
    this.#report(explained);
    void explained.then((error) => {
      made.failure = error;
    });
    return made;
  }

  /**
   * Compiles what is missing, side by side where the driver can, and resolves with what is new.
   *
   * @throws ShaderError if the driver refuses one, when all others are done
   */
  async compile(kernels: readonly { call: KernelCall; name: string }[]): Promise<Pipeline[]> {
    const begun: Promise<Pipeline>[] = [];
    /** Asked for by someone else, who counts them as new. */
    const others: Promise<Pipeline>[] = [];
    const seen = new Set<string>();
    for (const { call, name } of kernels) {
      const wanted = this.#want(call, name);
      if (seen.has(wanted.key) || this.#pipelines.has(wanted.key)) continue;
      seen.add(wanted.key);
      const coming = this.#coming.get(wanted.key);
      if (coming !== undefined) {
        others.push(coming);
        continue;
      }
      const made = this.#compileAhead(wanted).finally(() => this.#coming.delete(wanted.key));
      this.#coming.set(wanted.key, made);
      begun.push(made);
    }
    await Promise.allSettled([...begun, ...others]);
    await Promise.all(others);
    return Promise.all(begun);
  }

  async #compileAhead(wanted: Wanted): Promise<Pipeline> {
    this.#device.pushErrorScope("validation");
    const descriptor = this.#describe(wanted);
    // Only of the module: a pipeline made ahead tells its errors by its promise.
    const scope = this.#device.popErrorScope().catch(() => null);
    try {
      const pipeline = await this.#device.createComputePipelineAsync(descriptor);
      return this.#pipelines.get(wanted.key) ?? this.#keep(wanted, pipeline);
    } catch (error) {
      throw (await explain(Promise.resolve(error as Error), descriptor.compute.module, wanted)) ?? error;
    } finally {
      await scope;
    }
  }

  #want(call: KernelCall, op: string): Wanted {
    const source = specialize(call.shader, call.hooks);
    const access = call.operands
      .map(
        ({ access, moves, part }) =>
          (part ? `u${part.offset},` : access === "read" ? "r" : "w") + (moves ? "m" : ""),
      )
      .join("");
    const key = `${access}|${JSON.stringify(call.constants ?? {})}|${source}`;
    return { key, source, access, call, label: `${op} (${call.shader.name}.wgsl)` };
  }

  #describe({ source, access, call, label }: Wanted): GPUComputePipelineDescriptor {
    return {
      label,
      layout: this.#layout(access, call.operands).pipeline,
      compute: {
        module: this.#module(source, call.shader.name),
        entryPoint: "main",
        constants: call.constants as Record<string, number>,
      },
    };
  }

  #keep({ key, access, call, label }: Wanted, pipeline: GPUComputePipeline): Pipeline {
    const layout = this.#layout(access, call.operands).bindGroup;
    const { operands } = call;
    const made: Pipeline = { id: this.#nextId++, pipeline, layout, operands, label, failure: undefined };
    this.#pipelines.set(key, made);
    return made;
  }

  #module(source: string, label: string): GPUShaderModule {
    let module = this.#modules.get(source);
    if (module === undefined) {
      module = this.#device.createShaderModule({ code: source, label });
      this.#modules.set(source, module);
    }
    return module;
  }

  #layout(
    access: string,
    operands: readonly Operand[],
  ): { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
    let layout = this.#layouts.get(access);
    if (layout === undefined) {
      const entries: GPUBindGroupLayoutEntry[] = [{ binding: 0, visibility: 4, buffer: { type: "uniform" } }];
      operands.forEach((operand, i) => {
        entries.push({
          binding: i + 1,
          visibility: 4,
          buffer: {
            type: operand.part ? "uniform" : operand.access === "read" ? "read-only-storage" : "storage",
            ...(operand.moves ? { hasDynamicOffset: true } : {}),
          },
        });
      });
      const bindGroup = this.#device.createBindGroupLayout({ entries });
      layout = { bindGroup, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [bindGroup] }) };
      this.#layouts.set(access, layout);
    }
    return layout;
  }
}

/** A pipeline as it is asked for. */
interface Wanted {
  readonly key: string;
  readonly source: string;
  /** "r" or "w" for each operand, "u" and where its part begins for a uniform, with an "m" where it moves. */
  readonly access: string;
  readonly call: KernelCall;
  readonly label: string;
}

async function explain(
  failure: Promise<{ message: string } | null>,
  module: GPUShaderModule,
  { source, label }: Wanted,
  usedAt?: Error,
): Promise<ShaderError | undefined> {
  // A lost device has other news than its shaders.
  const error = await failure.catch(() => null);
  if (error === null) return undefined;
  const info = await module.getCompilationInfo();
  const lines = source.split("\n");
  const mistakes = info.messages.map(
    (m) => `  line ${m.lineNum}:${m.linePos}: ${m.message}\n${excerpt(lines, m.lineNum, m.linePos)}`,
  );
  return new ShaderError(`${label}: the shader was refused\n${mistakes.join("\n") || `  ${error.message}`}`, {
    source,
    cause: usedAt,
  });
}

/** The same error for a call that uses a refused pipeline again: with that call's stack. */
export const refused = ({ message, source, cause }: ShaderError): ShaderError =>
  new ShaderError(message, { source, cause });

/** The lines around a place, numbered, with a caret below it; of long ones, as packages have them, what is near it. */
function excerpt(lines: readonly string[], line: number, column: number): string {
  if (line < 1) return "";
  const first = Math.max(1, line - linesAround);
  const from = Math.max(0, column - 80);
  const shown = lines.slice(first - 1, line + linesAround).map((text) => text.slice(from, from + 120));
  const numbered = shown.map((text, i) => `${String(first + i).padStart(4)} | ${text}`);
  const indent = (lines[line - 1] ?? "").slice(from, column - 1).replace(/\S/g, " ");
  numbered.splice(line - first + 1, 0, `     | ${indent}^`);
  return numbered.join("\n");
}

const linesAround = 3;

/** Ids of size buffers, over all devices and programs: negative, so that they never meet a pool buffer's. */
let nextSizesId = -1;

/** Size buffers by content: a kernel call with the same sizes gets the same buffer, nothing is uploaded again. */
export class SizeBuffers {
  readonly #device: GPUDevice;
  readonly #buffers = new Map<string, { buffer: GPUBuffer; id: number }>();
  readonly #onDestroy: (id: number) => void;

  constructor(device: GPUDevice, onDestroy: (id: number) => void) {
    this.#device = device;
    this.#onDestroy = onDestroy;
  }

  get(words: readonly SizeWord[]): { buffer: GPUBuffer; id: number } {
    const data = encodeSizes(words);
    const key = data.join(",");
    const found = this.#buffers.get(key);
    if (found !== undefined) return found;
    const buffer = this.#device.createBuffer({
      size: data.byteLength,
      usage: 0x40,
      mappedAtCreation: true,
      label: "sizes",
    });
    new Uint32Array(buffer.getMappedRange()).set(data);
    buffer.unmap();
    const made = { buffer, id: nextSizesId-- };
    this.#buffers.set(key, made);
    return made;
  }

  get count(): number {
    return this.#buffers.size;
  }

  /** Forgets everything; buffers in flight are freed when the GPU is done with them. */
  clear(): void {
    for (const { buffer, id } of this.#buffers.values()) {
      this.#onDestroy(id);
      buffer.destroy();
    }
    this.#buffers.clear();
  }
}
