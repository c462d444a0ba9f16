// One process that keeps vitest open and answers, for each fault that it is sent, which test notices it.

import path from "node:path";
import { createVitest } from "vitest/node";

const vitest = await createVitest(
  "test",
  {
    config: "test/mutants/vitest.config.mjs",
    watch: false,
    reporters: [{}],
    bail: 1,
    silent: true,
    project: process.argv.slice(2),
  },
  // Watching files would have edits made meanwhile run tests.
  { server: { watch: null } },
);
await vitest.standalone();
const known = new Map();
for (const specification of await vitest.globTestSpecifications())
  known.set(`${specification.project.name} ${specification.moduleId}`, specification.project);

/** Runs one test file, or those of its tests whose names match. */
async function run({ project, file, name }) {
  const moduleId = path.resolve(file);
  const owner = known.get(`${project} ${moduleId}`);
  if (owner === undefined) throw new Error(`there is no test file ${file} in the project ${project}`);
  const testNamePattern = name === undefined ? undefined : new RegExp(name);
  const specification = owner.createSpecification(moduleId, { testNamePattern });
  const { testModules: all, unhandledErrors } = await vitest.runTestSpecifications([specification]);
  // It tells of files run before, too.
  const testModules = all.filter((module) => module.moduleId === moduleId && module.project.name === project);
  const tests = testModules.flatMap((module) => [...module.children.allTests()]);
  const named = (state) => tests.filter((test) => test.result().state === state).map((test) => test.fullName);
  const errors = [
    ...testModules.flatMap((module) => [
      ...module.errors(),
      ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
    ]),
    ...unhandledErrors,
  ].map((error) => String(error?.message ?? error).split("\n")[0]);
  return { passed: named("passed"), failed: named("failed"), errors };
}

process.on("message", async ({ fault, tests, all }) => {
  process.env.GRADGPU_MUTANT = JSON.stringify(fault ?? null);
  const changed = fault === undefined ? [] : [path.resolve(fault.file)];
  for (const file of changed) vitest.invalidateFile(file);
  const passed = [];
  let answer = { passed };
  try {
    for (const test of tests) {
      const result = await run(test);
      passed.push(...result.passed);
      const [by] = [...result.failed, ...result.errors];
      if (by === undefined) continue;
      answer = { passed, by, file: test.file };
      if (!all) break;
    }
  } catch (error) {
    answer = { passed, error: String(error?.message ?? error) };
  }
  for (const file of changed) vitest.invalidateFile(file);
  process.send(answer);
});
process.send({ ready: true });
