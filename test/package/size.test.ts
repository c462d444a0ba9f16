// What the package weighs, and what programs made of it weigh: the limits of scripts/size-limits.mjs.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { sizesOf } from "../../scripts/size.mjs";
import { limits, tarball } from "../../scripts/size-limits.mjs";
import { packed } from "../support/packed.ts";

const { folder, files, packed: packedBytes, unpacked } = await packed();

it("the README has no links that npm's page can't follow", () => {
  const readme = fs.readFileSync(path.join(folder, "node_modules", "gradgpu", "README.md"), "utf8");
  const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  expect(links.filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
});

describe("the size of", () => {
  it.each(limits)("a program with $name", async ({ program, most, mostAtFirst }) => {
    const { whole, atFirst } = await sizesOf(program, folder);
    expect(whole).toBeLessThanOrEqual(most * 1000);
    if (mostAtFirst !== undefined) expect(atFirst).toBeLessThanOrEqual(mostAtFirst * 1000);
    // An empty bundle would be within any limit.
    expect(whole).toBeGreaterThan(10_000);
  });

  it("the tarball", () => {
    expect(packedBytes).toBeLessThanOrEqual(tarball.packed * 1000);
    expect(unpacked).toBeLessThanOrEqual(tarball.unpacked * 1000);
    expect(
      files.filter(
        (file) =>
          !/^(?:dist\/.*\.(?:js|d\.ts)|bin\/\w+\.mjs|bin\/log\/(?:client\/)?\w+\.(?:mjs|js|css)|package\.json|LICENSE|README\.md)$/.test(
            file,
          ),
      ),
    ).toEqual([]);
  });
});
