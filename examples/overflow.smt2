; The midpoint of two array indices, the way it stood in libraries for years: (low + high) / 2. Claimed: with 32-bit signed
; indices 0 <= low <= high, the midpoint computed as low + (high - low) / 2 stays between them and the sums do not overflow.
(set-logic QF_BV)
(set-info :status unsat)
(declare-const low (_ BitVec 32))
(declare-const high (_ BitVec 32))
(define-fun mid () (_ BitVec 32) (bvadd low (bvsdiv (bvsub high low) (_ bv2 32))))
(assert (bvsle #x00000000 low))
(assert (bvsle low high))
; Look for a counterexample: outside of low..high, or an overflow on the way.
(assert (or (bvslt mid low) (bvsgt mid high) (bvssubo high low) (bvsaddo low (bvsdiv (bvsub high low) (_ bv2 32)))))
(check-sat)
