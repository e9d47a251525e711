; The average of two unsigned numbers without a wider type: (x & y) + ((x ^ y) >> 1) is floor((x + y) / 2), computed in 33 bits.
(set-logic QF_BV)
(set-info :status unsat)
(declare-const x (_ BitVec 32))
(declare-const y (_ BitVec 32))
(define-fun average ((a (_ BitVec 32)) (b (_ BitVec 32))) (_ BitVec 32) (bvadd (bvand a b) (bvlshr (bvxor a b) #x00000001)))
(define-fun wide ((a (_ BitVec 32))) (_ BitVec 33) ((_ zero_extend 1) a))
(assert (distinct (average x y) ((_ extract 31 0) (bvlshr (bvadd (wide x) (wide y)) (_ bv1 33)))))
(check-sat)
