// How ops and their gradients are written on paper, for people who step through a tape: a table of templates and
// what fills them in. It computes nothing; a test holds the pointwise ones against the ops.

/**
 * Right-hand sides: `{a}`, `{b}`, `{c}` are the inputs, `{y}` the output, `{g}` the incoming gradient, any other name an
 * attribute. `backward` has one an input, null where no gradient flows.
 */
export interface Formula {
  readonly forward: string;
  readonly backward: readonly (string | null)[];
  /** Whether the formula holds element by element, so that numbers can stand in it. */
  readonly isPointwise: boolean;
}

const pointwise = (forward: string, ...backward: readonly (string | null)[]): Formula => ({
  forward,
  backward,
  isPointwise: true,
});

const whole = (forward: string, ...backward: readonly (string | null)[]): Formula => ({
  forward,
  backward,
  isPointwise: false,
});

/** By op. Pointwise templates read `x if condition, else z`; the rest are for the eye alone. */
export const formulas: Readonly<Record<string, Formula>> = {
  add: pointwise("{a} + {b}", "{g}", "{g}"),
  sub: pointwise("{a} − {b}", "{g}", "−{g}"),
  mul: pointwise("{a} · {b}", "{g} · {b}", "{g} · {a}"),
  div: pointwise("{a} / {b}", "{g} / {b}", "−{g} · {y} / {b}"),
  neg: pointwise("−{a}", "−{g}"),
  square: pointwise("{a}²", "{g} · 2 · {a}"),
  sqrt: pointwise("√({a})", "{g} / (2 · {y})"),
  rsqrt: pointwise("1 / √({a})", "−{g} · {y} / (2 · {a})"),
  reciprocal: pointwise("1 / {a}", "−{g} · {y}²"),
  abs: pointwise("|{a}|", "{g} · sign({a})"),
  pow: pointwise("{a}^({exponent})", "{g} · {exponent} · {a}^({exponent} − 1)"),
  exp: pointwise("exp({a})", "{g} · {y}"),
  expm1: pointwise("exp({a}) − 1", "{g} · ({y} + 1)"),
  log: pointwise("ln({a})", "{g} / {a}"),
  log1p: pointwise("ln(1 + {a})", "{g} / (1 + {a})"),
  sin: pointwise("sin({a})", "{g} · cos({a})"),
  cos: pointwise("cos({a})", "−{g} · sin({a})"),
  tan: pointwise("tan({a})", "{g} · (1 + {y}²)"),
  sinh: pointwise("sinh({a})", "{g} · cosh({a})"),
  cosh: pointwise("cosh({a})", "{g} · sinh({a})"),
  tanh: pointwise("tanh({a})", "{g} · (1 − {y}²)"),
  atan: pointwise("atan({a})", "{g} / (1 + {a}²)"),
  asinh: pointwise("asinh({a})", "{g} / √({a}² + 1)"),
  sigmoid: pointwise("1 / (1 + exp(−{a}))", "{g} · {y} · (1 − {y})"),
  logSigmoid: pointwise("−ln(1 + exp(−{a}))", "{g} · (1 − exp({y}))"),
  softplus: pointwise("ln(1 + exp({a}))", "{g} / (1 + exp(−{a}))"),
  softsign: pointwise("{a} / (1 + |{a}|)", "{g} / (1 + |{a}|)²"),
  relu: pointwise("max(0, {a})", "{g} if {a} > 0, else 0"),
  leakyRelu: pointwise(
    "{a} if {a} > 0, else {negativeSlope} · {a}",
    "{g} if {a} > 0, else {g} · {negativeSlope}",
  ),
  elu: pointwise(
    "{a} if {a} > 0, else {alpha} · (exp({a}) − 1)",
    "{g} if {a} > 0, else {g} · ({y} + {alpha})",
  ),
  silu: pointwise("{a} / (1 + exp(−{a}))", "{g} · ({y} + (1 − {y}) / (1 + exp(−{a})))"),
  minimum: pointwise("min({a}, {b})", "{g} if {a} < {b}, else 0", "{g} if {b} < {a}, else 0"),
  maximum: pointwise("max({a}, {b})", "{g} if {a} > {b}, else 0", "{g} if {b} > {a}, else 0"),
  where: pointwise("{b} if {a}, else {c}", null, "{g} if {a}, else 0", "0 if {a}, else {g}"),
  matmul: whole("{a} × {b}", "{g} × {b}ᵀ", "{a}ᵀ × {g}"),
  sum: whole("Σ {a}", "{g} for every element that was added"),
  mean: whole("Σ {a} / n", "{g} / n for every element that was averaged"),
  reshape: whole("{a} under another shape", "{g} under the shape of {a}"),
  transpose: whole("{a} with its axes in another order", "{g} with its axes put back"),
  softmax: whole("exp({a}) / Σ exp({a}) in each row", "{y} · ({g} − Σ {g} · {y}) in each row"),
  logSoftmax: whole("{a} − ln Σ exp({a}) in each row", "{g} − softmax({a}) · Σ {g} in each row"),
};

/** The table's entry, or what holds of any op: the vector-Jacobian product that its backward rule computes. */
export function formulaOf(op: string, arity: number, hasTransposed = false): Formula {
  const found = Object.hasOwn(formulas, op) ? formulas[op] : undefined;
  if (found !== undefined && !(op === "matmul" && hasTransposed)) return found;
  const names = ["{a}", "{b}", "{c}", "{d}", "{e}", "{f}", "{h}", "{i}"].slice(0, arity);
  return {
    forward: `${op}(${names.join(", ")})`,
    backward: names.map((name) => `{g} × ∂{y}/∂${name}`),
    isPointwise: false,
  };
}

/** Puts texts into a template; a name without one stays as it is, braces and all. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (hole, name: string) =>
    Object.hasOwn(values, name) ? values[name] : hole,
  );
}
