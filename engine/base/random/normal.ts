// The inverse of the normal distribution function in float64, from + - * / and square roots alone, which IEEE 754
// fixes to the last bit: the same numbers in every JavaScript engine, which Math.log does not promise.

/**
 * x with P(N(0, 1) <= x) = `probability`, for 0 < `probability` < 1; relative error about 1e-16.
 *
 * Source: Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37
 * (1988), routine PPND16: three rational functions of degree 7.
 */
export function inverseNormal(probability: number): number {
  const q = probability - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * evaluate(centreTop, r)) / evaluate(centreBottom, r);
  }
  const tail = q < 0 ? probability : 1 - probability;
  const r = Math.sqrt(-exactLog(tail));
  const x =
    r <= 5
      ? evaluate(tailTop, r - 1.6) / evaluate(tailBottom, r - 1.6)
      : evaluate(farTop, r - 5) / evaluate(farBottom, r - 5);
  return q < 0 ? -x : x;
}

/**
 * Natural logarithm of a normal positive double, within about 1 ulp and the same bits everywhere.
 *
 * x = m * 2^e with m from sqrt(1/2) to sqrt(2); log m = 2 atanh(s), s = (m - 1) / (m + 1), by its Taylor series:
 * |s| < 0.172, so the first term left out is below 2^-60 of the sum.
 */
export function exactLog(x: number): number {
  let m = x;
  let exponent = 0;
  // Powers of two only: every product is exact.
  for (let step = 512; step >= 1; step /= 2) {
    if (m < 2 ** -step) {
      m *= 2 ** step;
      exponent -= step;
    } else if (m >= 2 ** step) {
      m *= 2 ** -step;
      exponent += step;
    }
  }
  // Now 1/2 <= m < 2.
  if (m < Math.SQRT1_2) {
    m *= 2;
    exponent--;
  } else if (m > Math.SQRT2) {
    m /= 2;
    exponent++;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let series = 0;
  for (let k = 23; k >= 3; k -= 2) series = (series + 1 / k) * square;
  // log 2 in two parts, the first with trailing zeros, so that exponent * ln2High is exact.
  return exponent * ln2High + (exponent * ln2Low + (2 * s + 2 * s * series));
}

const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;

/** Horner's rule, from the highest power down. */
function evaluate(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

// Wichura's coefficients a, b (centre), c, d (tail), e, f (far tail), from the constant term up,
// to the digits that a double holds.
const centreTop = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const centreBottom = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const tailTop = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
];
const tailBottom = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
const farTop = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const farBottom = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
  1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
];
