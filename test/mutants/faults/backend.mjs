// Faults in the backends: the reference, and the parts of the WebGPU backend.

import { faultsIn, gpu, unit } from "./fault.mjs";

export const backend = faultsIn({
  "engine/backend/cpu.ts": [
    [unit("cpu-backend")],
    ["this.#bytes -= array.byteLength;", ""],
    ["this.#buffers--;", ""],
    ["parent.retain();", ""],
    ["const start = byteOffset / 4;", "const start = byteOffset;"],
    ["x.byteOffset < y.byteOffset + y.byteLength &&", "x.byteOffset <= y.byteOffset + y.byteLength &&"],
    ["y.byteOffset < x.byteOffset + x.byteLength", "true"],
    ["array[i] = values[i] ? 1 : 0;", "array[i] = values[i];"],
    ["array[i] = Math.fround(values[i]);", "array[i] = values[i];"],
    ["this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);", "this.#peakBytes = this.#bytes;"],
    ["    return out;\n", "    return out.fill(0);\n"],
  ],
  "engine/backend/webgpu/bind-groups.ts": [
    [gpu("pack")],
    [":${memory.byteOffset}:", "::", { row: "M1" }],
    ["offset: memory.byteOffset + offset,", "offset,"],
    [
      "offset: memory.byteOffset + offset,",
      "offset: memory.byteOffset,",
      { tests: [gpu("scan"), gpu("recurrence")] },
    ],
    ["+ offset, size },", "+ offset },", { tests: [gpu("pack"), gpu("memory"), gpu("ops-forward", "sum")] }],
    [
      "let key = `${pipeline.id},${sizes.id}`;",
      "let key = `${pipeline.id}`;",
      { tests: [gpu("ops-layout")] },
    ],
    ["let key = `${pipeline.id},${sizes.id}`;", "let key = `${sizes.id}`;", { tests: [unit("bind-groups")] }],
    [
      "this.#index(memory.bufferId, key);",
      'this.#index(memory.bufferId, "");',
      { tests: [unit("bind-groups")] },
    ],
    ["this.#index(sizes.id, key);", "", { tests: [unit("bind-groups")] }],
    [
      "if (left-- === 0) break;",
      "if (left-- === 1) break;",
      { equivalent: "one bind group more or less is kept of 8192" },
    ],
    ["if (this.#groups.size >= maxBindGroups) this.#dropOldest();", "", { tests: [unit("bind-groups")] }],
    [
      "for (const key of keys) if (!this.#groups.has(key)) keys.delete(key);",
      "",
      {
        equivalent:
          "drop() passes over keys of groups that are gone; they cost memory until their buffer goes",
      },
    ],
    ["this.#keysByBuffer.delete(bufferId);", "", { equivalent: "buffers' ids are never given twice" }],
    ["this.#groups.get(key) ?? this.#keep(", "this.#keep(", { tests: [unit("bind-groups")] }],
    ["binding: i + 1,", "binding: memories.length - i,", { tests: [unit("bind-groups"), gpu("pack")] }],
  ],
  "engine/backend/webgpu/encoding.ts": [
    [unit("encoding")],
    ["Math.ceil(values.length / 4) * 4", "values.length"],
    ["(v ? 1 : 0)", "v"],
    ["return new Float32Array(raw, 0, count);", "return new Float32Array(raw);"],
    ["return new Uint8Array(raw, 0, count);", "return Uint8Array.from(new Uint32Array(raw, 0, count));"],
    ["Uint8Array.from(new Uint32Array(raw, 0, count));\n  }", "new Uint8Array(raw, 0, count);\n  }"],
    ['dtype === "i32" ? Int32Array.from(values) : Uint32Array.from(values)', "Int32Array.from(values)"],
  ],
  "engine/backend/webgpu/naps.ts": [
    [unit("naps")],
    ["if (this.#waits++ === 0) this.#since", "if (this.#waits++ === 1) this.#since"],
    ["      this.#waits--;\n", ""],
    ["if (this.#isScheduled) return;", ""],
    ["if (this.#waits === 0) return;", "if (this.#waits === 1) return;"],
    ["const share = 1 / 8;", "const share = 4;"],
    ["const longestMs = 2;", "const longestMs = 200;"],
    ["if (nap > 0) Atomics.wait(", "if (nap < 0) Atomics.wait("],
    ["    this.#isScheduled = false;\n    if", "    if"],
  ],
  "engine/backend/webgpu/program.ts": [
    [gpu("jit-traps", "^^results|^variables"), gpu("jit-replay", "copies")],
    [
      "if (!isFirst && (!isWritten || this.#slotIds.has(source.bufferId))) return before[k];",
      "",
      { row: "M6" },
    ],
    [
      "if (!isFirst && (!isWritten || this.#slotIds.has(source.bufferId))) return before[k];",
      "if (!isFirst) return before[k];",
      { tests: [gpu("jit-traps", "step of a run"), gpu("jit-replay")] },
    ],
    ["if (!isWritten && !stagesAll) return memory;", "return memory;"],
    [
      "if (slot.isZeroed) services.zero(this.#slots[i]);",
      "",
      { tests: [gpu("jit-traps", "gaps"), gpu("pack")] },
    ],
    [
      "if (this.#run !== this.#program.runs) {",
      "if (false) {",
      { tests: [gpu("jit-traps", "overwritten by the next run")] },
    ],
    ["    this.runs++;\n", "", { tests: [gpu("jit-traps", "overwritten by the next run")] }],
    ["owner.retain();\n", "", { tests: [gpu("jit-traps", "disposed")] }],
    [
      "super(buffer, bufferId, byteOffset,",
      "super(buffer, bufferId, 0,",
      { tests: [gpu("pack", "given back")] },
    ],
    [
      "for (let time = 0; time < times; time++) {\n      if (args",
      "for (let time = 0; time < 1; time++) {\n      if (args",
      { tests: [gpu("jit-traps", "step")] },
    ],
    [
      'if (step.kind === "dispatch" && step.pipeline.failure !== undefined)\n        throw refused(step.pipeline.failure);',
      "",
      { tests: [gpu("jit-replay", "refuses")] },
    ],
    [
      "      recorder.touchIds(this.#touched);\n      return;",
      "      return;",
      { tests: [gpu("jit-replay", "upload")] },
    ],
    [
      "    recorder.touchIds(this.#touched);\n    this.#arguments",
      "    this.#arguments",
      { tests: [gpu("jit-replay", "upload"), gpu("memory", "uploads")] },
    ],
    [
      "          recorder.touch(memories);\n",
      "",
      { tests: [gpu("jit-replay", "upload"), gpu("memory", "uploads")] },
    ],
    [
      "for (const slot of this.#slots) slot.release();\n    this.#staged",
      "this.#staged",
      { tests: [gpu("jit-traps", "dispose\\(\\) frees")] },
    ],
    [
      "    staged.forEach((memory) => {\n      memory.release();\n    });\n  }\n\n  /** What has",
      "  }\n\n  /** What has",
      { tests: [gpu("jit-traps", "pile up"), gpu("jit-replay")] },
    ],
    [
      "if (dispatches.length > 0) stretches.push({ dispatches, copy: undefined });",
      "",
      { tests: [gpu("jit-replay", "copies"), gpu("jit-traps", "variables")] },
    ],
    [
      "        stretches.push({ dispatches, copy });\n        dispatches = [];",
      "        stretches.push({ dispatches, copy });",
      { tests: [gpu("jit-replay", "copies")] },
    ],
    [
      "for (const slot of slots) slot.release();\n    if (!(error",
      "if (!(error",
      { tests: [gpu("jit-traps", "refused with the plan")] },
    ],
    [
      "|| !cold.delete(step.pipeline)) continue;",
      "|| !cold.has(step.pipeline)) continue;",
      { tests: [gpu("warm-up")] },
    ],
    [
      "if (!this.#written.has(bufferId)) return memory;",
      "return memory;",
      { tests: [gpu("warm-up", "overwrites")] },
    ],
    [
      "new GpuMemory(slot.buffer, slot.bufferId, place.byteOffset, place.bytes, () => {})",
      "new GpuMemory(slot.buffer, slot.bufferId, 0, place.bytes, () => {})",
      { tests: [gpu("jit-traps", "gaps")] },
    ],
  ],
  "engine/backend/webgpu/readback.ts": [
    [gpu("memory", "pool|dispose|data\\(\\)")],
    [
      "copyBufferToBuffer(buffer, byteOffset, staging",
      "copyBufferToBuffer(buffer, 0, staging",
      { tests: [gpu("pack")] },
    ],
    [".slice(0);", ";", { tests: [gpu("pack"), gpu("jit-traps", "^results")] }],
    [
      "2 ** Math.ceil(Math.log2(Math.max(256, byteLength)))",
      "256",
      { tests: [gpu("pack"), gpu("random", "65")] },
    ],
    ["staging.unmap();", "", { tests: [gpu("pack")] }],
  ],
  "engine/backend/webgpu/pipelines.ts": [
    [gpu("ops-forward", "samples")],
    [
      "const key = `${access}|${JSON.stringify(call.constants ?? {})}|${source}`;",
      "const key = `${access}|${source}`;",
      { tests: [unit("pipelines")] },
    ],
    ["const key = `${access}|${JSON", "const key = `${JSON", { tests: [unit("pipelines")] }],
    ["|${source}`;", "|${call.shader.name}`;", { tests: [unit("pipelines"), gpu("device", "own kernels")] }],
    [
      'const key = data.join(",");',
      "const key = String(data.length);",
      { tests: [unit("pipelines"), gpu("pack"), gpu("jit-traps", "^results")] },
    ],
    [
      'operand.access === "read" ? "read-only-storage" : "storage",',
      '"read-only-storage",',
      { tests: [gpu("pack")] },
    ],
    [
      "if (seen.has(wanted.key) || this.#pipelines.has(wanted.key)) continue;",
      "if (seen.has(wanted.key)) continue;",
      { tests: [unit("pipelines"), gpu("warm-up")] },
    ],
    [
      "seen.has(wanted.key) || ",
      "",
      { equivalent: "the second of the same is found among those that are coming" },
    ],
    ["made.failure = error;", "", { tests: [gpu("jit-replay", "refuses")] }],
    ["this.#report(explained);", "void this.#report;", { tests: [gpu("jit-replay", "refuses")] }],
    [
      "        others.push(coming);\n",
      "        begun.push(coming);\n",
      { tests: [unit("pipelines"), gpu("warm-up", "shares what")] },
    ],
    [
      ".finally(() => this.#coming.delete(wanted.key))",
      "",
      { tests: [unit("pipelines"), gpu("warm-up", "rejects")] },
    ],
    [
      "    await Promise.all(others);\n",
      "",
      { tests: [unit("pipelines"), gpu("warm-up", "rejects|refused")] },
    ],
    [
      "return this.#pipelines.get(wanted.key) ?? this.#keep(wanted, pipeline);",
      "return this.#keep(wanted, pipeline);",
      { tests: [unit("pipelines"), gpu("warm-up", "shares what|called")] },
    ],
    [
      "const first = Math.max(1, line - linesAround);",
      "const first = line - linesAround;",
      { tests: [unit("pipelines")] },
    ],
    [
      "buffer.destroy();\n    }\n    this.#buffers.clear();",
      "buffer.destroy();\n    }",
      { tests: [gpu("variants", "pinned"), unit("pipelines")] },
    ],
  ],
  "engine/backend/webgpu/webgpu.ts": [
    [gpu("pack"), gpu("memory")],
    [
      "isSlice && copyBytes(spec.dtype, sizeOf(spec.shape)) < byteLength",
      "copyBytes(spec.dtype, sizeOf(spec.shape)) < byteLength && false",
      { tests: [gpu("pack")] },
    ],
    [
      "    parent.retain();\n",
      "",
      { tests: [gpu("pack"), gpu("memory", "leaves variables"), gpu("jit-training", "two models")] },
    ],
    [
      "if (source.buffer === target.buffer) {",
      "if (false) {",
      { tests: [gpu("jit-traps", "packed|pack"), gpu("pack")] },
    ],
    [
      "key += `>${outputs[0].dtype}${outputs[0].shape}`;",
      "",
      { tests: [gpu("ops-layout"), unit("webgpu-backend")] },
    ],
    [
      "key += `|${spec.dtype}${spec.shape}`;",
      "key += `|${spec.shape}`;",
      { tests: [unit("webgpu-backend"), gpu("ops-forward", "samples"), gpu("jit-traps", "traced anew")] },
    ],
    [
      "key += JSON.stringify(attrs, replaceNonFinite);",
      "key += JSON.stringify(attrs);",
      { tests: [gpu("special-values"), unit("webgpu-backend")] },
    ],
    ["      key += JSON.stringify(attrs, replaceNonFinite);\n", "", { tests: [gpu("random", "dropout at")] }],
    ["if (!isLater) source.retain();", "", { tests: [gpu("memory", "under way|leaves the value")] }],
    ["for (const memory of scratch) memory.release();", "", { tests: [gpu("memory")] }],
    [
      "if (pipeline.failure !== undefined) throw refused(pipeline.failure);",
      "",
      { tests: [gpu("device", "told by sync")] },
    ],
    [
      "if (found === undefined) this.#errors = this.#errors.filter((other) => other !== error);",
      "",
      { equivalent: "promises of no error pile up until the next reading asks them all" },
    ],
    [
      'if (this.#lostReason !== undefined) throw this.#lostError("sync()");',
      "",
      { tests: [gpu("device", "DeviceLostError|rejects")] },
    ],
    ["      this.#bindGroups.drop(first);\n", "", { tests: [unit("webgpu-backend")] }],
    [
      "if (count === 0) return hostArray(dtype, 0);",
      "",
      { tests: [gpu("memory", "no elements"), gpu("random", "0 elements")] },
    ],
    ["    this.#uploadedBytes += data.byteLength;", "", { tests: [unit("webgpu-backend")] }],
    [
      "new Uint8Array(data.buffer, data.byteOffset, data.byteLength)",
      "new Uint8Array(data.buffer, 0, data.byteLength)",
      { tests: [gpu("memory", "uploads")] },
    ],
    [
      "info.isSoftware ? minUniformBufferOffsetAlignment : 0",
      "0",
      { tests: [gpu("recurrence", "lies in a pack"), unit("webgpu-backend")] },
    ],
  ],
  "engine/backend/webgpu/gpu-profiler.ts": [
    [gpu("profile")],
    [
      "if (recorder.clock !== undefined) {",
      "if (false) {",
      { tests: [gpu("profile", "another profile|running|at a time")] },
    ],
  ],
  "engine/backend/webgpu/adapter-profile.ts": [
    [gpu("jit-fusion-traps", "inputs|binds|shapes")],
    [
      "Math.min(info.limits.maxStorageBuffersPerShaderStage, mostChainInputs + 1)",
      "info.limits.maxStorageBuffersPerShaderStage + 8",
    ],
  ],
  "engine/autograd/slots.ts": [
    [unit("jit", "gradients of backward")],
    ["else gradient.dispose();", "", { row: "M10" }],
    ["if (kept.has(gradient)) track(gradient);\n      else gradient.dispose();", "gradient.dispose();"],
    ["return gradientStore.with(own, () => {", "return gradientStore.with(new Map(), () => {"],
  ],
});
