; A ring buffer of 1024 places with a wrapping 32-bit head and tail: if tail - head <= 1024, then after a push into a buffer that is
; not full this still holds, the place written is inside the buffer, and it is none of the places in use.
(set-logic QF_BV)
(set-info :status unsat)
(declare-const head (_ BitVec 32))
(declare-const tail (_ BitVec 32))
(declare-const used (_ BitVec 32))
(define-fun place ((index (_ BitVec 32))) (_ BitVec 32) (bvand index #x000003ff))
(assert (bvule (bvsub tail head) #x00000400))
(assert (bvult (bvsub tail head) #x00000400))
(assert (bvult used (bvsub tail head)))
(assert
  (not
    (and
      (bvule (bvsub (bvadd tail #x00000001) head) #x00000400)
      (bvult (place tail) #x00000400)
      (distinct (place tail) (place (bvadd head used))))))
(check-sat)
