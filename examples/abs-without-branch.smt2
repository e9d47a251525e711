; The absolute value without a branch: with m = x >> 31 (arithmetic), (x + m) ^ m and (x ^ m) - m are both |x|.
(set-logic QF_BV)
(set-info :status unsat)
(declare-const x (_ BitVec 32))
(define-fun mask () (_ BitVec 32) (bvashr x (_ bv31 32)))
(define-fun absolute () (_ BitVec 32) (ite (bvslt x #x00000000) (bvneg x) x))
(assert (not (= absolute (bvxor (bvadd x mask) mask) (bvsub (bvxor x mask) mask))))
(check-sat)
