; Compilers divide unsigned bytes by 10 without a division: (x * 205) >> 11, in 16 bits.
(set-logic QF_BV)
(set-info :status unsat)
(declare-const x (_ BitVec 8))
(define-fun wide () (_ BitVec 16) ((_ zero_extend 8) x))
(assert (distinct ((_ extract 7 0) (bvlshr (bvmul wide (_ bv205 16)) (_ bv11 16))) (bvudiv x (_ bv10 8))))
(check-sat)
