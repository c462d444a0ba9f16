// What `gradgpu/names` adds: every thing that can be made without arguments is found by its name.

import { describe, expect, it } from "vitest";
import * as nn from "../../nn/index.ts";
import "../../nn/names.ts";
import * as all from "../../optim/all.ts";
import { optimizers } from "../../optim/index.ts";

/** What is no maker, and makers that need an argument. */
const others: Readonly<Record<string, readonly string[]>> = {
  losses: ["get", "table", "names", "reduce"],
  metrics: [
    ...["get", "names", "check", "checkName", "addNames", "restOfNames"],
    ...["precisionAtRecall", "recallAtPrecision", "sensitivityAtSpecificity", "specificityAtSensitivity"],
  ],
  initializers: ["get", "table", "fans", "constant"],
  regularizers: ["get", "table"],
  constraints: ["get", "table"],
  activations: ["get", "table", "names", "isName"],
};

describe("with gradgpu/names", () => {
  it.each(Object.entries(others))("all %s have a name", (module, without) => {
    const found = Reflect.get(nn, module) as Readonly<Record<string, unknown>>;
    const get = found.get as (name: string, ...rest: unknown[]) => { readonly name: string };
    const loss = nn.losses.get("mse");
    const names = Object.keys(found).filter((name) => !without.includes(name));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) expect(get(name, loss, [3]).name).toBe(name);
  });

  it("all optimizers have a name", () => {
    for (const [name, Own] of Object.entries(all)) expect(optimizers.get(name)).toBeInstanceOf(Own);
    expect(optimizers.names).toHaveLength(Object.keys(all).length);
  });
});
