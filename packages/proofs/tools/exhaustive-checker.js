/**
 * An LRAT proof judged by another method than the kernel's, and without a line in common: hints are thrown away, each
 * added clause must be RUP over all live clauses by propagation to the fixed point, or RAT on its first literal; and formulas
 * are judged by their truth table. Slow, for small formulas.
 */

/** @typedef {readonly number[]} Clause */
/** @typedef {{ kind: 'add', id: number, clause: Clause } | { kind: 'delete', ids: readonly number[] }} Step */

/**
 * The steps of a text proof that the kernel has found well-formed.
 * @param {string} text
 * @returns {Step[]}
 */
export function stepsOfText(text) {
  const words = text
    .split('\n')
    .map((line) => line.replace(/^[ \t\r]*c.*$/, ''))
    .join(' ')
    .split(/[ \t\r]+/)
    .filter((word) => word.length > 0)
  /** @type {Step[]} */
  const steps = []
  let next = 0
  const untilZero = () => {
    const numbers = []
    for (let word = words[next++]; word !== undefined && word !== '0'; word = words[next++]) numbers.push(Number(word))
    return numbers
  }
  while (next < words.length) {
    const id = Number(words[next++])
    if (words[next] === 'd') {
      next++
      steps.push({ kind: 'delete', ids: untilZero() })
      continue
    }
    steps.push({ kind: 'add', id, clause: untilZero() })
    untilZero()
  }
  return steps
}

/**
 * The steps of a binary proof with doubled ids that the kernel has found well-formed.
 * @param {Uint8Array} proof
 * @returns {Step[]}
 */
export function stepsOfBinary(proof) {
  let at = 0
  const number = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(/** @type {number} */ (proof[at++]))
      value |= (byte & 127n) << shift
      if (byte < 128n) return Number(value)
    }
  }
  const untilZero = () => {
    const numbers = []
    for (let code = number(); code !== 0; code = number()) numbers.push(code % 2 === 0 ? code / 2 : -(code - 1) / 2)
    return numbers
  }
  /** @type {Step[]} */
  const steps = []
  while (at < proof.length) {
    if (proof[at++] === 0x64) {
      steps.push({ kind: 'delete', ids: untilZero() })
      continue
    }
    const id = number() / 2
    steps.push({ kind: 'add', id, clause: untilZero() })
    untilZero()
  }
  return steps
}

/**
 * Whether making these literals false leads to a clause without a literal that may be true.
 * @param {Iterable<Clause>} clauses @param {Clause} negated
 */
function refutes(clauses, negated) {
  const isFalse = new Set(negated)
  for (const literal of negated) if (isFalse.has(-literal)) return true
  for (let again = true; again; ) {
    again = false
    for (const clause of clauses) {
      /** @type {number | null} */
      let open = null
      let several = false
      for (const literal of clause) {
        if (isFalse.has(literal) || literal === open) continue
        if (open !== null) several = true
        open = literal
      }
      if (open === null) return true
      if (several || isFalse.has(-open)) continue
      isFalse.add(-open)
      again = true
    }
  }
  return false
}

/**
 * Whether each step may be taken, and the empty clause is among them.
 * @param {readonly Clause[]} formula @param {readonly Step[]} steps
 */
export function holds(formula, steps) {
  /** @type {Map<number, Clause>} */
  const live = new Map(formula.map((clause, i) => [i + 1, clause]))
  let refuted = false
  for (const step of steps) {
    if (step.kind === 'delete') {
      for (const id of step.ids) live.delete(id)
      continue
    }
    const clauses = [...live.values()]
    const { clause } = step
    if (!refutes(clauses, clause)) {
      const pivot = clause[0]
      if (pivot === undefined) return false
      for (const other of clauses) {
        if (other.includes(-pivot) && !refutes(clauses, [...clause, ...other.filter((literal) => literal !== -pivot)])) return false
      }
    }
    live.set(step.id, clause)
    if (clause.length === 0) refuted = true
  }
  return refuted
}

/** By its truth table. @param {readonly Clause[]} formula */
export function isSatisfiable(formula) {
  const variables = Math.max(0, ...formula.flat().map(Math.abs))
  const masks = formula.map((clause) => ({
    positive: clause.filter((literal) => literal > 0).reduce((mask, v) => mask | (1 << (v - 1)), 0),
    negative: clause.filter((literal) => literal < 0).reduce((mask, v) => mask | (1 << (-v - 1)), 0),
  }))
  for (let values = 0; values < 2 ** variables; values++) {
    if (masks.every(({ positive, negative }) => (values & positive) !== 0 || (~values & negative) !== 0)) return true
  }
  return false
}
