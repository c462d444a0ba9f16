// Faults in jit: tracing, clean-up, fusing, planning.

import { faultsIn, gpu, unit } from "./fault.mjs";

const traps = gpu("jit-traps");
const fusion = gpu("jit-fusion-traps");
const variables = gpu("jit-traps", "^variables|^results");

export const jit = faultsIn({
  "engine/jit/signature.ts": [
    [unit("jit", "signature"), gpu("jit-traps", "what is frozen")],
    ["`${value.dtype}[${value.shape}]`", "`[${value.shape}]`", { row: "M2" }],
    ["`${value.dtype}[${value.shape}]`", "`${value.dtype}[${value.size}]`"],
    ['if (Object.is(value, -0)) return "-0";', ""],
    [
      'if (typeof value === "string") return JSON.stringify(value);',
      'if (typeof value === "string") return value;',
    ],
    ["`${JSON.stringify(key)}:${staticText(part, refuse)}`", "staticText(part, refuse)"],
    ["[Object.prototype, null].includes(Object.getPrototypeOf(value))", "true"],
  ],
  "engine/jit/jit.ts": [
    [traps],
    [
      "entry.backend === device.realBackend &&",
      "",
      { tests: [unit("jit", "programs are"), gpu("recover", "jit")] },
    ],
    [
      "isRelocatedSince(memory, entry.tracedAt)",
      "false",
      { tests: [gpu("jit-fusion-traps", "packed after")] },
    ],
    ["const maxPrograms = 64;", "const maxPrograms = 1;"],
    [
      "        disposeAll(result);\n        result = runAsIs(fn, args);",
      "        disposeAll(result);",
      { tests: [unit("jit", "steps")] },
    ],
    [
      "const result = withLocalGradients(() => fn(...args));",
      "const result = fn(...args);",
      { row: "M10", tests: [unit("jit", "gradients")] },
    ],
    [
      "for (const variable of entry.assigned) variable.markAssigned();",
      "",
      { tests: [gpu("jit-traps", "open across a replay")] },
    ],
    [
      "if (replaced !== undefined) free(replaced);",
      "",
      { tests: [unit("jit", "programs are"), gpu("warm-up", "leaves no memory")] },
    ],
    ["free(dropped);", "", { tests: [unit("jit", "bounded")] }],
    [
      "for (const tensor of tensorsIn(entry.result)) tensor.adopt();",
      "",
      { tests: [gpu("jit-traps", "^results|results|disposed")] },
    ],
    [
      "    if (tensors.some((tensor) => tensor.device !== device))",
      "    if (tensors.some((tensor) => tensor === undefined))",
      { tests: [gpu("jit-traps", "two devices")] },
    ],
    [
      "for (const memory of memories) memory.retain();",
      "for (const memory of memories) memory.retain(), memory.retain();",
      { tests: [gpu("warm-up", "leaves no memory")] },
    ],
    [
      "disposals !== disposalsBefore || !device.isUsable",
      "!device.isUsable",
      { tests: [gpu("warm-up", "leaves no memory")] },
    ],
    [
      "traced = { ...traced, ...planned(traced.plain, backend, options) };",
      "void 0;",
      { tests: [gpu("kernel-families", "found by a warm-up")] },
    ],
    ["if (output.device !== device)", "if (false)", { tests: [gpu("jit-traps", "so are results")] }],
    [
      "options.rowSlices === false ? picked : readRowSlices(picked)",
      "picked",
      { tests: [unit("jit", "rows that are taken"), gpu("row-slices")] },
    ],
    ["options.pickFirst === false ? simple : pickFirst(simple)", "simple", { tests: [gpu("pick-first")] }],
    [
      "if (plain.variants === undefined) return [];",
      "return [];",
      { tests: [gpu("variants", "measured in a warm-up")] },
    ],
    [
      "if (value === undefined || value === null) return () => value;",
      "if (value === undefined || value === null) return () => 0;",
    ],
    [
      "memories[index], { counted: false })",
      "memories[index])",
      { tests: [gpu("jit-traps", "need no disposing|count as tensors")] },
    ],
    ["disposals++;", "", { tests: [gpu("warm-up", "leaves no memory")] }],
    [
      'typeof args.at(-1) === "function" ?',
      "args.length < 0 ?",
      { tests: [gpu("warm-up", "compiles everything")] },
    ],
  ],
  "engine/jit/trace.ts": [
    [traps],
    [
      "if (!Object.is(values[i], uniform)) uniform = undefined;",
      "",
      { tests: [unit("jit", "numbers made")] },
    ],
    [
      "if (!Object.is(values[i], uniform))",
      "if (values[i] !== uniform)",
      { tests: [unit("jit", "numbers made")] },
    ],
    [
      "this.#recomputation = ++this.#stage;",
      "this.#recomputation = 0;",
      { tests: [unit("jit", "run again")] },
    ],
    [
      "this.#recomputation = ++this.#stage;",
      "this.#recomputation = 1;",
      { tests: [unit("jit", "run again")] },
    ],
    ["this.#recomputation = outer;", "", { tests: [unit("jit", "run again")] }],
    [
      "      memory.retain();\n      this.retained.push(memory);\n      value =",
      "      value =",
      { tests: [gpu("jit-traps", "captured tensor may be disposed|may one that the function")] },
    ],
    [
      "    for (const memory of this.retained) memory.release();\n",
      "",
      { tests: [unit("jit", "throws while")] },
    ],
    [
      "held.value = this.#valueOf(spec, memory);",
      'held.value = this.#value(spec, { kind: "external", memory });',
      { tests: [unit("jit"), gpu("autograd-checkpoint")] },
    ],
    [
      "this.#externals.set(memory, value);",
      "",
      { tests: [gpu("jit-traps"), gpu("jit-training", "dispatches a training step")] },
    ],
    [
      'what.startsWith("variable ")',
      'what.startsWith("a variable ")',
      { tests: [gpu("jit-traps", "be made, set")] },
    ],
  ],
  "engine/jit/assignments.ts": [
    [
      unit("jit"),
      gpu("jit-traps", "^variables|packed|gaps"),
      gpu("jit-training", "steps by hand"),
      gpu("pack"),
    ],
    [
      "if (same !== undefined) return same.source;",
      "",
      { equivalent: "all of it is cut out of it: the same value" },
    ],
    ["if (others.length === 0) return undefined;", "return undefined;"],
    ["this.#effects.set(whole.target, { ...whole, source: replaced });", ""],
    ["      this.#effects.delete(other.target);\n", ""],
    ["const start = bytes / 4;", "const start = bytes;"],
    ["start: this.#placeIn(memory, spec, other),", "start: 0,"],
    ["this.effects.filter(({ target }) => this.#backend.overlaps(memory, target))", "[]"],
    [
      "this.#cut(source, whole, start, sizeOf(spec.shape))",
      "this.#cut(source, whole, 0, sizeOf(spec.shape))",
    ],
  ],
  "engine/jit/simplify.ts": [
    [unit("jit", "not computed"), fusion],
    ["|${node.recomputation}|", "|", { tests: [unit("jit"), gpu("autograd-checkpoint")] }],
    [
      'Object.is(value, -0) ? "-0" : value}`',
      "value}`",
      { tests: [unit("jit", "not computed"), gpu("jit-traps", "constants")] },
    ],
    [
      "JSON.stringify(node.attrs, exactText)",
      "JSON.stringify(node.attrs)",
      { tests: [unit("jit", "not computed"), gpu("jit-traps", "constants")] },
    ],
    [":${use.shape}`,", "`,", {}],
    [
      "sizeOf(use.shape) === size && use.dtype === out.spec.dtype ? use.value",
      "use.dtype === out.spec.dtype ? use.value",
      {},
    ],
    [
      "sizeOf(use.shape) === size && use.dtype === out.spec.dtype ? use.value",
      "sizeOf(use.shape) === size ? use.value",
      {},
    ],
    ["return sameAs(inputs[1 - left]);", "return sameAs(inputs[left]);"],
    [
      "!(isShared(simpler) && results.has(original.outputs[0]))",
      "true",
      { tests: [gpu("jit-fusion-traps", "comes back as a copy")] },
    ],
    ["|| node.op.lacksReference === true", "", { tests: [gpu("jit-fusion-traps", "no reference")] }],
    [
      "? Math.fround(result.data[0]) :",
      "? result.data[0] :",
      { equivalent: "the constant that is made of it is rounded, too" },
    ],
    ["if (keepsEqualSize) {", "if (false) {", { tests: [unit("jit", "not computed")] }],
  ],
  "engine/kernel/op-graph.ts": [
    [unit("jit", "not computed"), fusion],
    ["for (const { value } of node.inputs) needed.add(value);", "needed.add(node.inputs[0]?.value);"],
    [
      "if (!node.outputs.some((value) => needed.has(value))) continue;",
      "",
      { tests: [unit("jit", "nobody reads"), gpu("jit-training", "dispatches a training step")] },
    ],
    [
      "const needed = new Set([...effects.map(({ source }) => source), ...",
      "const needed = new Set([...",
      { tests: [unit("jit"), variables] },
    ],
    [
      "this.#kept = new Set([...effects.map(({ source }) => source), ...",
      "this.#kept = new Set([...",
      { tests: [gpu("matmul-prologue"), variables, unit("jit")] },
    ],
    [
      "this.#kept = new Set([...effects.map(({ source }) => source), ...outputs.map(({ value }) => value)]);",
      "this.#kept = new Set(effects.map(({ source }) => source));",
      { tests: [unit("jit"), gpu("matmul-prologue"), gpu("row-slices"), gpu("pick-first")] },
    ],
    ["lastId = Math.min(lastId, id);", "lastId = Math.max(lastId, id);", { tests: [unit("jit", "rewrite")] }],
    ["id: made.length }, results)", "id: node.id }, results)", { tests: [unit("jit", "rewrite|any graph")] }],
    [
      "source: renewed.get(effect.source) ?? effect.source,",
      "source: effect.source,",
      { tests: [unit("jit", "rewrite|rows that are taken"), gpu("pick-first"), gpu("row-slices")] },
    ],
    [
      "const outputs = graph.outputs.map(renew);",
      "const outputs = graph.outputs;",
      { tests: [unit("jit", "rewrite|rows that are taken"), gpu("row-slices")] },
    ],
    ["others.every((node) => node.stage === first.stage)", "true", { tests: [unit("jit", "rewrite")] }],
  ],
  "engine/jit/pick-first.ts": [
    [gpu("pick-first")],
    ["vec4u(b) < vec4u(${rows}u)", "vec4u(b) <= vec4u(${rows}u)"],
    ['picker.op.traits?.picks === "or zeros" && !keepsZero(chain.nodes)', "false"],
    ["!keepsZero(chain.nodes)", "keepsZero(chain.nodes)"],
    ["const { axis } = picker.attrs as { axis: number };", "const axis = 0;"],
    ["isAs(picker.inputs[0], use.value.spec),", "true,"],
    ["total >= sizeOf(use.shape)", "total >= 100 * sizeOf(use.shape)"],
    ["readers.isKept(value) || !isMovable", "!isMovable"],
    ["readers.of(value).some((reader) => reader !== above)", "false"],
    ["whole.every((use) => use.value === whole[0].value && isAs(use, node.outputs[0].spec)) &&", ""],
    ["isAs(whole[0], whole[0].value.spec) &&", ""],
    ["whole.includes(use) || sizeOf(use.shape) === 1", "true"],
    ["if (node.op.lacksReference === true) return false;", ""],
    ["return Object.is(value, 0);", "return value === 0;"],
  ],
  "engine/jit/row-slices.ts": [
    [unit("jit", "rows that are taken"), gpu("row-slices")],
    ["last: whole.shape[0] - made.spec.shape[0],", "last: whole.shape[0],"],
    ["inner: sizeOf(whole.shape.slice(1)) };", "inner: whole.shape.at(-1)! };"],
    ["k === 0 &&", ""],
    ["use.shape[0] === use.value.spec.shape[0] &&", ""],
    [" && !readers.isKept(value))", ")"],
    ["vec4i(0i), vec4i(${last}i)))", "vec4i(-9i), vec4i(${last}i)))"],
    ["`min(a, vec4u(${last}u)) * ${inner}u`", "`a * ${inner}u`"],
    [
      "readers.of(value).length > 0 && ",
      "",
      { equivalent: "a slice that nobody reads and nobody keeps was dropped before" },
    ],
  ],
  "engine/jit/in-place.ts": [
    [unit("jit", "in place|binds"), gpu("jit-traps", "in place"), variables],
    [
      "if (before.some((node) => node.inputs.some((use) => use.value === value))) return false;",
      "",
      { row: "M4" },
    ],
    ["if (this.#graph.outputs.some((use) => use.value === source)) return;", "", { row: "M5" }],
    ["if (this.#backend.endsInGap(target, effect.spec)) return;", "", { tests: [gpu("pack")] }],
    ["if (!isReadInStep(unit, value, source)) return;", ""],
    ["for (const reader of readers) if (this.#dependencies.dependsOn(reader, unit)) return;", ""],
    ["for (const reader of readers) this.#dependencies.addBefore(reader, unit);", ""],
    [
      "} else if (this.#backend.sharesBuffer(value.origin.memory, target)) return;",
      "}",
      { tests: [unit("jit", "in place"), gpu("jit-traps", "packed|in place")] },
    ],
    [
      "if (isSame || this.#backend.overlaps(value.origin.memory, target))",
      "if (isSame)",
      { tests: [unit("jit", "in place"), gpu("jit-traps", "packed|in place")] },
    ],
    [
      "other !== effect && other.source === source && this.#backend.sharesBuffer(other.target, target)",
      "false",
      { tests: [unit("jit", "in place"), gpu("jit-traps", "packed|in place")] },
    ],
    [
      "this.#dependencies.unitOf(other.source) === user &&",
      "false &&",
      { row: "M15", tests: [unit("jit", "in place"), gpu("jit-traps", "packed|in place")] },
    ],
    ["unit.anchor.outputs.includes(source))", "false)"],
    ["(!readsApart(node, k) && sizeOf(use.shape) === sizeOf(unit.target!.shape)),", "true,"],
    [
      "reading.length === 1 &&",
      "reading.length >= 1 &&",
      {
        equivalent:
          "chains beside each other are merged only where none writes a variable that another reads",
      },
    ],
    ["if (readsApart(node, k)) return false;", ""],
    [
      'return accessOf(use, spaceOf(node, unit.target!)).access === "same";',
      "return true;",
      {
        equivalent:
          "an assigned value has as many elements as its variable, so a chain that makes it reads each at its own place",
      },
    ],
    [
      "if (unit === undefined || this.#direct.has(source)) return;",
      "if (unit === undefined) return;",
      {
        equivalent:
          "the second target takes the place of the first, which is copied to then: the same values",
      },
    ],
    ["this.#dependencies.unitOf(value) !== unit &&", "false &&", { tests: [unit("jit", "in place")] }],
  ],
  "engine/jit/plan.ts": [
    [unit("jit"), variables, gpu("pack"), fusion],
    [
      "lastUse.get(value) === position && !this.#slots[place.slot].isZeroed",
      "lastUse.get(value) === position",
      { row: "M3", tests: [gpu("pack", "gaps of a pack"), gpu("jit-traps", "gaps")] },
    ],
    [
      "|| isMemory(effect.source, effect.target)) continue;",
      ") continue;",
      {
        equivalent: "a copy onto itself goes through a third buffer: a dispatch more, the same values",
        tests: [unit("jit"), variables],
      },
    ],
    ["if (!isAtRisk) return;", "", { tests: [unit("jit", "copies"), gpu("jit-replay", "copies")] }],
    [
      'if (origin.kind !== "external" || this.#saved.has(value)) return;',
      "return;",
      { tests: [unit("jit"), variables] },
    ],
    [
      "const from = this.#saved.get(effect.source) ?? this.#placeOf(effect.source);",
      "const from = this.#placeOf(effect.source);",
      { tests: [unit("jit"), variables] },
    ],
    [
      "place: this.#saved.get(use.value) ?? this.#placeOf(use.value),",
      "place: this.#placeOf(use.value),",
      { tests: [unit("jit"), variables] },
    ],
    [
      "const slot = this.#addSlot(bytes, true);",
      "const slot = this.#addSlot(bytes);",
      { tests: [gpu("jit-traps", "gaps"), gpu("pack")] },
    ],
    [
      "if (sizeOf(value.spec.shape) % 4 === 0) return true;\n    const unit",
      "return true;\n    const unit",
      { tests: [gpu("jit-traps", "gaps"), gpu("pack")] },
    ],
    [
      "!this.#graph.outputs.some((use) => use.value === value) &&\n",
      "",
      {
        tests: [gpu("pack"), gpu("jit-traps", "gaps")],
        equivalent:
          "a result lies in the pack's slot, which is never given to another value, so it reads the same",
      },
    ],
    [
      "node.inputs.findIndex((use) => use.value === value) === i,",
      "true,",
      { tests: [unit("jit", "slots"), gpu("pack")] },
    ],
    [
      "[...this.#dependencies.readersOf(value)].every((reader) => !writers.has(reader)),",
      "true,",
      { tests: [unit("jit", "slots"), gpu("pack")] },
    ],
    [
      "for (const use of this.#graph.outputs) last.set(use.value, end);",
      "",
      { tests: [unit("jit"), fusion] },
    ],
    [
      "for (const effect of this.#graph.effects) last.set(effect.source, end);",
      "",
      { tests: [unit("jit", "slots")] },
    ],
    ["if (!lastUse.has(value)) taken.push(slot);", "taken.push(slot);", { tests: [unit("jit"), fusion] }],
    ["if (!lastUse.has(value)) taken.push(slot);", "", { tests: [unit("jit", "slots|one value")] }],
    [
      "this.#freeSlots.push(...scratch, ...taken);",
      "this.#freeSlots.push(...taken);",
      { tests: [unit("jit", "slots|one value")] },
    ],
    [
      "if (size >= bytes && (best < 0",
      "if (size + 64 >= bytes && (best < 0",
      { tests: [gpu("jit-fusion-traps"), unit("jit", "slots|one value")] },
    ],
    ["this.#slots[best].bytes <= bytes * 4 + 4096", "true", { tests: [unit("jit", "slots|one value")] }],
    ["this.#freeSlots.splice(this.#freeSlots.indexOf(best), 1);", "", { tests: [unit("jit"), fusion] }],
    [
      ".filter((call) => call.workgroups.every((count) => count > 0))",
      "",
      { tests: [unit("jit", "not computed")] },
    ],
    [
      "return this.#places.get(value)!;",
      "return [...this.#places.values()][0];",
      { tests: [unit("jit"), fusion] },
    ],
  ],
  "engine/jit/dependencies.ts": [
    [unit("jit"), variables],
    ["set.add(first);", "", { tests: [unit("jit"), variables] }],
    [
      "if (made !== undefined && made !== unit) result.add(made);",
      "if (made !== undefined && made !== unit && result.size < 1) result.add(made);",
    ],
    ["ready.sort((a, b) => b.id - a.id);", "", { tests: [unit("jit", "order")] }],
    [
      "ready.sort((a, b) => b.id - a.id);",
      "ready.sort((a, b) => a.id - b.id);",
      { tests: [unit("jit", "order")] },
    ],
    [
      "if (current === other) return true;",
      "if (current === other) return stack.length > 0;",
      { tests: [variables, unit("jit")] },
    ],
    ["if (this.#unitOf.get(value) === unit) continue;", "", { tests: [unit("jit"), variables] }],
    ["if (left === 0) ready.push(next);", "if (left <= 1) ready.push(next);"],
    [
      "const result = new Set<Unit>(this.#before.get(unit) ?? []);",
      "const result = new Set<Unit>();",
      { tests: [unit("jit"), variables] },
    ],
  ],
  "engine/jit/reachability.ts": [
    [unit("reachability")],
    ["set(row, this.#index.get(before)!);", ""],
    ["unite(row, this.#rows[j]);", ""],
    [
      "this.#rows[j] = row;",
      "",
      { equivalent: "nobody asks for the second unit any more: its place is taken by the merged one" },
    ],
    ["if (!has(other, i) && !has(other, j)) continue;", "if (!has(other, i)) continue;"],
    ["      unite(other, row);\n", ""],
    ["Math.ceil(units.length / 32)", "Math.floor(units.length / 32)"],
    [
      "      set(other, j);\n",
      "",
      {
        equivalent:
          "nobody asks for the second unit any more: its place is taken by the merged one, which has the first's bit",
      },
    ],
    ["row[bit >> 5] |= 1 << (bit & 31);", "row[bit >> 5] |= 1 << (bit & 15);"],
  ],
  "engine/jit/groups.ts": [
    [unit("jit"), fusion, gpu("jit-training", "dispatches a training step")],
    [
      "if (next === goal && isFirst && skipDirect) continue;",
      "if (next === goal && skipDirect) continue;",
      { tests: [unit("jit"), fusion] },
    ],
    ["if (next === goal && isFirst && skipDirect) continue;", ""],
    [
      "!seen.has(next) && lastId(next) >= bound",
      "!seen.has(next) && lastId(next) > bound",
      { tests: [unit("jit"), fusion] },
    ],
    ["bound = Math.min(bound, unit.nodes[0].id);", "", { tests: [unit("jit"), fusion] }],
    [
      "if (!this.#readers.isKept(value) && !isRead) continue;",
      "if (!isRead) continue;",
      { tests: [unit("jit", "bind")] },
    ],
    [
      "if (anchor !== undefined || target === undefined || !memories.has(target)) writes++;",
      "if (memories.size >= 0) writes++;",
      { tests: [unit("jit", "bind"), gpu("jit-training", "dispatches a training step")] },
    ],
    [
      "if (anchor !== undefined || target === undefined ||",
      "if (target === undefined ||",
      { tests: [unit("jit", "bind")] },
    ],
    [
      "else if (reads >= this.profile.maxStorageBuffers)",
      "else if (false)",
      { tests: [unit("jit", "bind")] },
    ],
    ["Math.max(reads + writes, mostAlone)", "Math.max(reads, mostAlone)", { tests: [unit("jit"), fusion] }],
    [
      "if (node !== anchor && isLiteral(use.value) && !readsApart(node, k)) return;",
      "",
      { tests: [unit("jit"), fusion] },
    ],
    [
      "companion: a.companion ?? b.companion,",
      "",
      { tests: [unit("jit"), gpu("jit-training", "dispatches a training step")] },
    ],
    [
      "this.#readers.of(value).some((reader) => !units.includes(this.#unitOf.get(reader)!)),",
      "false,",
      { tests: [unit("jit"), fusion] },
    ],
  ],
  "engine/jit/fuse-chains.ts": [
    [unit("jit"), fusion],
    [
      'if (haveUnlikeHelpers(from.nodes, to.nodes)) return ["helpers"];',
      "",
      { tests: [unit("jit"), gpu("jit-fusion-traps", "helpers of one name")] },
    ],
    [
      "if (haveUnlikeHelpers(a.nodes, b.nodes)) continue;",
      "",
      { tests: [unit("jit"), gpu("jit-fusion-traps", "helpers of one name")] },
    ],
    ["if (groups.reaches(a, b) || groups.reaches(b, a)) continue;", ""],
    ["if (groups.refuseBindings([a, b]) !== undefined) continue;", "", { tests: [unit("jit"), fusion] }],
    ["return groups.refuseBindings([from, to]);", "return undefined;", { tests: [unit("jit"), fusion] }],
    ['if (groups.reachesAround(from, to)) return ["between"];', ""],
    ["const chainLimit = 1024;", "const chainLimit = 512;", { tests: [gpu("jit-replay", "1,000 adds")] }],
    ["if (weightOf(from) + weightOf(to) > chainLimit)", "if (false)", { tests: [unit("jit", "too long")] }],
    [
      'const isMask = node.outputs[0].spec.dtype === "bool";',
      "const isMask = false;",
      { tests: [unit("jit", "mask"), gpu("jit-training", "dispatches a training step")] },
    ],
    ['if (!sameStage(from, to)) return ["stage"];', "", { tests: [unit("jit"), gpu("autograd-checkpoint")] }],
    ["const counting = from.nodes.find(knowsElement);", "const counting = undefined as Node | undefined;"],
    ["!sameShape(fromSpec.shape, toSpec.shape) && !mayBeCut(from, to)", "false"],
    ["if (isFlat(from) && isFlat(to)) return true;", ""],
    ["from.target!.shape.at(-1) === to.target!.shape.at(-1) &&", ""],
    ["&& isByRows(from) && isByRows(to);", "&& isByRows(from);"],
    ["&& isByRows(from) && isByRows(to);", "&& isByRows(to);"],
    ['return ["others"];', "void 0;"],
    ["const composes = !from.nodes.some(isReshaped) && ", "const composes = "],
    [
      " && sameShape(reader.outputs[0].spec.shape, toSpec.shape);",
      ";",
      {
        equivalent:
          "a reader's unit is of another shape only where all that it reads is as large as itself or one element, and one element broadcasts to any shape",
      },
    ],
    ["if (from.nodes.some((node) => groups.isReadOutside(node, [from, to])))", "if (false)"],
    ["if (!sameShape(a.target.shape, b.target.shape)) continue;", ""],
  ],
  "engine/jit/fuse-beside.ts": [
    [unit("jit"), fusion, variables],
    ["!overwrites(groups, other, unit) &&", "", { tests: [unit("jit"), variables, fusion] }],
    ["!overwrites(groups, unit, other) &&", "", { tests: [unit("jit"), variables, fusion] }],
    ["!order.dependsOn(other, unit) &&", "", { tests: [unit("jit"), fusion] }],
    ["!order.dependsOn(unit, other) &&", "", { tests: [unit("jit"), fusion] }],
    [
      "!groups.isDear(other, unit, !isSmall(unit) && !isSmall(other)) &&",
      "",
      { tests: [unit("jit", "beside")] },
    ],
    [
      "!haveUnlikeHelpers(other.nodes, unit.nodes) &&",
      "",
      { tests: [gpu("jit-fusion-traps", "helpers of one name")] },
    ],
    ["sameStage(unit, other) &&", "", { tests: [unit("jit", "runs again")] }],
    ["groups.units().reverse();", "groups.units();", { tests: [unit("gpu-fusions", "different kernels")] }],
    ["order.merge(host, unit, merged);", "order.merge(unit, host, unit);", { tests: [unit("jit"), fusion] }],
  ],
  "engine/jit/fuse-riders.ts": [
    [unit("jit"), fusion],
    ["if (unit.anchor !== node) continue;", "", { tests: [unit("jit", "layer's gradients")] }],
    ['if (groups.reachesAround(unit, consumer)) return ["between"];', ""],
    ["if (sizeOf(consumer.target!.shape) !== sizeOf(value.spec.shape))", "if (false)"],
    [
      "if (groups.reaches(unit, other) || groups.reaches(other, unit)) continue;",
      "",
      { tests: [unit("jit", "layer's gradients")] },
    ],
    [
      "if (producer === undefined || groups.isKept(value)) return;",
      "if (producer === undefined) return;",
      { tests: [unit("jit"), gpu("matmul-prologue"), fusion] },
    ],
    [
      "if (!isOnly || others.some(",
      "if (others.some(",
      { tests: [unit("jit"), gpu("matmul-prologue"), fusion] },
    ],
    [
      "others.some((member) => groups.isReadOutside(member, [from]))",
      "false",
      { tests: [unit("jit"), gpu("matmul-prologue"), fusion] },
    ],
    ["> site.mostWork)", "> site.mostWork * 100)", { tests: [gpu("matmul-prologue")] }],
    ["if (groups.isExternalTo(use.value, [unit])) continue;", "continue;"],
    [
      "const element = site.knowsElement ? undefined : from.nodes.find(knowsElement);",
      "const element = undefined as Node | undefined;",
      { tests: [gpu("matmul-prologue", "wants to know")] },
    ],
    ['if (member.outputs[0].spec.dtype === "u8" && !site.knowsElement)', "if (false)"],
    [
      "id: Math.min(from.id, unit.id),",
      "id: Math.max(from.id, unit.id),",
      {
        tests: [unit("jit"), gpu("matmul-prologue"), fusion],
        equivalent: "ids only settle which of two ready units goes first",
      },
    ],
    [
      'if (groups.reachesAround(from, unit)) return ["between"];',
      "",
      {
        equivalent:
          "nobody but the product reads what the chain makes, as was asked before: there is no way around, save what a search that was given up takes for one",
      },
    ],
  ],
  "engine/jit/kernels.ts": [
    [unit("jit"), fusion],
    [
      "if (bound + count > profile.maxStorageBuffers) {",
      "if (groups.length === 0) {",
      { tests: [unit("jit", "kernel binds")] },
    ],
    [
      "const rest = [...last, ...stored];",
      "const rest = [...stored, ...last].slice(0, -1);",
      { tests: [unit("jit", "kernel binds"), gpu("jit-bindings")] },
    ],
    [
      "return rest.length === 0 ? chains : [...chains, only(rest)];",
      "return rest.length === 0 ? chains : [only(rest), ...chains];",
      { tests: [unit("jit", "kernel binds"), gpu("jit-bindings")] },
    ],
    [
      "uniform === 0 && reader.op.traits?.isProduct",
      "false",
      { tests: [unit("jit"), gpu("jit-traps", "constants")] },
    ],
    ['value === -(2 ** 31) ? "-2147483647i - 1i" : `${value}i`', "`${value}i`"],
    [
      "own >= 0 && sizeOf(chain.inputs[k].shape) === size && site.inputNames?.[own] !== undefined",
      "own >= 0 && site.inputNames?.[own] !== undefined",
      { equivalent: "the inputs that have a name there are as large as the result" },
    ],
    ["keepsResult: isNeeded(result),", "keepsResult: true,", { tests: [unit("jit"), fusion] }],
    [
      "const kept = allWrites.map((_, i) => i).filter((i) => i !== site.output || isUsed);",
      "const kept = allWrites.map((_, i) => i);",
      { tests: [unit("jit"), fusion] },
    ],
    ["`vec4<bool>(${value !== 0})`", "`vec4<bool>(${value === 0})`"],
    [
      'Object.is(value, -0) ? "0x80000000u" : "0u"',
      '"0u"',
      { tests: [unit("jit"), gpu("jit-traps", "constants")] },
    ],
    ["names.length > most", "names.length > most + 1", { tests: [gpu("profile"), unit("jit", "name")] }],
    [
      "const place = replaced === undefined ? -1 : reads.indexOf(replaced);",
      "const place = -1;",
      { tests: [unit("jit", "in place"), variables] },
    ],
  ],
  "engine/jit/units.ts": [
    [unit("jit"), fusion],
    ["sizeOf(use.shape) === size || sizeOf(use.shape) === 1,", "true,"],
    [
      "sizeOf(node.outputs[0].spec.shape) === size &&\n      node.inputs",
      "node.inputs",
      {
        equivalent:
          "a smaller node that reads nothing smaller than the chain is one element, which broadcasts to any shape",
      },
    ],
    ["return readsApart(node, k) || size === sizeOf(target.shape) || size === 1;", "return true;"],
    ["count === size || count === 1 || isRow;", "true;"],
    ["const isRow = count === width && use.shape.at(-1) === width;", "const isRow = count === width;"],
    ["(known.get(name) ?? code) !== code,", "known.get(name) === code,"],
    ['sizeOf(shape) === sizeOf(under) ? "same"', 'true ? "same"'],
    [
      "sizeOf(own.shape) === sizeOf(target.shape) ? own : target",
      "target",
      {
        equivalent:
          "a node of another shape with as many elements is joined only where all that it reads is as large or one element",
      },
    ],
  ],
});
