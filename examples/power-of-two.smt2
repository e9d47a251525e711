; x & (x - 1) is zero exactly if x has at most one bit set.
(set-logic QF_BV)
(set-info :status unsat)
(declare-const x (_ BitVec 16))
(define-fun tricky () Bool (= (bvand x (bvsub x #x0001)) #x0000))
(define-fun at-most-one-bit () Bool
  (or (= x #x0000) (= x #x0001) (= x #x0002) (= x #x0004) (= x #x0008) (= x #x0010) (= x #x0020) (= x #x0040) (= x #x0080)
      (= x #x0100) (= x #x0200) (= x #x0400) (= x #x0800) (= x #x1000) (= x #x2000) (= x #x4000) (= x #x8000)))
(assert (xor tricky at-most-one-bit))
(check-sat)
