// What all errors of the package have in common.

import { afterEach, describe, expect, it } from "vitest";
import { ArgumentError, GradgpuError, ShapeError } from "../../engine/base/errors.ts";

describe("GradgpuError", () => {
  const limit = Error.stackTraceLimit;
  afterEach(() => {
    Error.stackTraceLimit = limit;
  });

  /** Throws a ShapeError from `depth` calls down. */
  const deep = (depth: number): never => {
    if (depth > 0) return deep(depth - 1);
    throw new ShapeError("far down");
  };
  function userProgram(): Error {
    try {
      return deep(40);
    } catch (error) {
      return error as Error;
    }
  }

  it("names the program's line however deep it was thrown", () => {
    Error.stackTraceLimit = 10;
    expect(userProgram().stack).toContain("userProgram");
    expect(Error.stackTraceLimit).toBe(10);
  });

  it("keeps to a limit that is higher, or none at all", () => {
    Error.stackTraceLimit = 0;
    expect(userProgram().stack).not.toContain("    at ");
    expect(Error.stackTraceLimit).toBe(0);
    Error.stackTraceLimit = 200;
    expect(userProgram().stack).toContain("userProgram");
    expect(Error.stackTraceLimit).toBe(200);
  });

  it("is named after its class and has a cause", () => {
    const cause = new RangeError("first");
    const error = new ArgumentError("then", { cause });
    expect(error).toBeInstanceOf(GradgpuError);
    expect(error.name).toBe("ArgumentError");
    expect(error.cause).toBe(cause);
  });
});
