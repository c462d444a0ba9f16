// Sums that carry along what their additions lose to rounding, for kernels whose sums may be long: plain sums of a block of
// terms join a total. Types and functions only. Specialising replaces the types where terms are no vec4s.

alias Term = vec4f;
alias TermBits = vec4u;

struct LongSum {
  total: Term,
  lost: Term,
}

// TwoSum (Knuth, The Art of Computer Programming 2, 4.2.2). A compiler that takes floats for reals would find the error to
// be 0: a xor with a 0 that it does not know keeps it from looking.
fn joined(sum: LongSum, block: Term, zero: u32) -> LongSum {
  let total = bitcast<Term>(bitcast<TermBits>(sum.total + block) ^ TermBits(zero));
  let shadow = total - sum.total;
  let error = (sum.total - (total - shadow)) + (block - shadow);
  // Infinities lose nothing, and their error is NaN: it goes by its bits, which no compiler may assume away.
  let exponent = TermBits(0x7f800000u);
  let kept = select(TermBits(0xffffffffu), TermBits(), (bitcast<TermBits>(total) & exponent) == exponent);
  return LongSum(total, sum.lost + bitcast<Term>(bitcast<TermBits>(error) & kept));
}

fn settled(sum: LongSum) -> Term {
  return sum.total + sum.lost;
}
