// Muon: steps for matrices are momentum made orthogonal, all of whose directions are equally long; the rest goes by AdamW.

import {
  ArgumentError,
  add,
  cast,
  div,
  matmul,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
  type Variable,
} from "../engine/index.ts";
import { atLeastOne, atLeastZero, checkOptions, kindOf } from "../engine/internal.ts";
import { ByVariable } from "./by-variable.ts";
import type { RuleConfig } from "./config.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { checkFilter, fits, type VariableFilter } from "./filters.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper } from "./hyper.ts";
import {
  fixed,
  flag,
  hyper,
  type OptimizerOptions,
  type OwnOptions,
  optimizerOptions,
  share,
} from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface MuonOptions extends OptimizerOptions {
  /** β₁ of AdamW. Default 0.9. */
  adamBeta1?: Hyper;
  /** β₂ of AdamW. Default 0.999. */
  adamBeta2?: Hyper;
  /** Added to √v by AdamW. Default 1e-7. */
  epsilon?: Hyper | null;
  /** AdamW's rate as a share of the learning rate. Default 0.1. */
  adamLrRatio?: number;
  /** Whose variables go by AdamW too: the output layer, as a rule. Parts of paths, regular expressions, functions. */
  excludeLayers?: readonly VariableFilter[];
  /** Variables with "embedding" in their paths go by AdamW. Default true. */
  excludeEmbeddings?: boolean;
  /** The polynomial a x + b x³ + c x⁵ that singular values go through. Default 3.4445, -4.775 and 2.0315. */
  muonA?: number;
  muonB?: number;
  muonC?: number;
  /** How often they do. Default 6. */
  nsSteps?: number;
  /** μ: the share of the momentum kept at each step. Default 0.95. */
  momentum?: Hyper;
  /** Look ahead along the momentum. Default true. */
  nesterov?: boolean;
}

const finite = (who: string, what: string, value: number): number => {
  if (Number.isFinite(value)) return value;
  throw new ArgumentError(`${who}: ${what} must be a finite number, got ${value}`);
};

const own: OwnOptions<MuonOptions> = {
  adamBeta1: share(0.9),
  adamBeta2: share(0.999),
  epsilon: hyper(1e-7),
  adamLrRatio: fixed(0.1, atLeastZero),
  excludeLayers: fixed<readonly VariableFilter[]>([], (who, what, filters) => {
    if (!Array.isArray(filters))
      throw new ArgumentError(`${who}: ${what} must be an array, as in ["output"], got ${kindOf(filters)}`);
    for (const filter of filters) checkFilter(`${who} ${what}`, filter);
    return filters;
  }),
  excludeEmbeddings: flag(true),
  muonA: fixed(3.4445, finite),
  muonB: fixed(-4.775, finite),
  muonC: fixed(2.0315, finite),
  nsSteps: fixed(6, atLeastOne),
  momentum: share(0.95),
  nesterov: flag(true),
};

type Slot = "momentum" | "secondMoment";

/**
 * Variables of two axes and more, as matrices [rows, columns] of all axes but the last, and the last: m ← μ m + g; of
 * g + μ m (Nesterov), over its norm, Newton and Schulz's iteration makes singular values about 1, which gives O;
 * w ← w - η √max(1, rows / columns) O. Others: Adam at adamLrRatio · η. Weight decay is decoupled, by default 0.1, and at the
 * rate η for all. Default learning rate η 0.001. Source: Jordan et al. 2024, Liu et al. 2025, as Keras 3 has it, which leaves
 * variables of four axes to AdamW and takes those of three as stacks of matrices.
 */
export class Muon extends DeclaredOptimizer<Slot> {
  declare readonly adamBeta1: Hyper;
  declare readonly adamBeta2: Hyper;
  declare readonly epsilon: Hyper;
  declare readonly adamLrRatio: number;
  declare readonly excludeLayers: readonly VariableFilter[];
  declare readonly excludeEmbeddings: boolean;
  declare readonly muonA: number;
  declare readonly muonB: number;
  declare readonly muonC: number;
  declare readonly nsSteps: number;
  declare readonly momentum: Hyper;
  declare readonly nesterov: boolean;
  protected readonly slotStarts: Record<Slot, number> = { momentum: 0, secondMoment: 0 };

  constructor(options: MuonOptions = {}) {
    checkOptions<object>("Muon", options, { ...optimizerOptions, ...own } as object);
    super("Muon", 0.001, { ...options, weightDecay: options.weightDecay ?? 0.1 }, own);
  }

  /** Whether a variable goes by AdamW. */
  #usesAdam(variable: Variable): boolean {
    if (variable.rank < 2 || variable.size === 0) return true;
    if (this.excludeEmbeddings && variable.name.toLowerCase().includes("embedding")) return true;
    return this.excludeLayers.some((filter) => fits(filter, variable));
  }

  protected override get byVariable() {
    return ByVariable;
  }

  protected override slotShape(slot: Slot, variable: Variable): readonly number[] | undefined {
    return slot === "momentum" || this.#usesAdam(variable) ? variable.shape : undefined;
  }

  protected override get scalarStarts() {
    return {
      ...correctionStart("correction1", this.adamBeta1),
      ...correctionStart("correction2", this.adamBeta2),
    };
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations, at, byVariable } = context;
    const [beta1, beta2, epsilon] = [at(this.adamBeta1), at(this.adamBeta2), at(this.epsilon)];
    const mu = at(this.momentum);
    const t = cast(add(iterations, 1), "f32");
    const ofFirst = correctionOf("correction1", beta1, scalars, t);
    const ofSecond = correctionOf("correction2", beta2, scalars, t);
    const alpha = mul(div(sqrt(ofSecond.correction), ofFirst.correction), this.adamLrRatio);
    const [gradients, momenta] = [byVariable.cut(gradient), byVariable.cut(slots.momentum)];
    const seconds = byVariable.cut(slots.secondMoment, "secondMoment");
    const next: { momentum: Tensor[]; second: (Tensor | undefined)[] } = { momentum: [], second: [] };
    const steps = byVariable.variables.map((variable, i) => {
      const g = gradients[i];
      if (this.#usesAdam(variable)) {
        const first = flush(add(momenta[i], mul(sub(g, momenta[i]), complement(beta1))));
        const old = seconds[i] as Tensor;
        const second = flushSquare(add(old, mul(sub(square(g), old), complement(beta2))));
        next.momentum.push(first);
        next.second[i] = second;
        return overRoot(mul(first, alpha), add(sqrt(second), epsilon), epsilon);
      }
      const momentum = flush(add(mul(momenta[i], mu), g));
      next.momentum.push(momentum);
      const ahead = this.nesterov ? add(g, mul(momentum, mu)) : momentum;
      const columns = variable.shape[variable.rank - 1];
      const rows = variable.size / columns;
      const made = this.#orthogonal(reshape(ahead, [rows, columns]));
      return reshape(mul(made, Math.sqrt(Math.max(1, rows / columns))), variable.shape);
    });
    return {
      value: sub(value, mul(byVariable.join(steps), learningRate)),
      slots: {
        momentum: byVariable.join(next.momentum),
        secondMoment: byVariable.join(next.second, "secondMoment"),
      },
      scalars: { ...ofFirst.scalars, ...ofSecond.scalars },
    };
  }

  /** U Vᵀ of the matrix's decomposition U S Vᵀ, about: S goes to numbers from 0.7 to 1.2. */
  #orthogonal(matrix: Tensor): Tensor {
    const { muonA: a, muonB: b, muonC: c } = this;
    const [rows, columns] = matrix.shape;
    // The products are of the shorter side.
    let x = rows > columns ? transpose(matrix) : matrix;
    x = div(x, add(sqrt(sum(square(x))), 1e-7));
    for (let i = 0; i < this.nsSteps; i++) {
      const xx = matmul(x, transpose(x));
      const mixed = add(mul(xx, b), mul(matmul(xx, xx), c));
      x = add(mul(x, a), matmul(mixed, x));
    }
    return rows > columns ? transpose(x) : x;
  }

  protected override ruleConfig(): RuleConfig {
    return { ...super.ruleConfig(), excludeLayers: this.excludeLayers.map(String) };
  }
}
