/**
 * Axioms of a library, as bits. A proof may cite thousands of claims, and each of these rest on thousands of axioms: whoever executes a block
 * takes their union, on the thread that votes, and nobody pays gas for it. So 32 axioms are one step.
 */

export interface AxiomSet {
  /** Where the first word stands: word w is the axioms 32 w .. 32 w + 31, the first of them its lowest bit. */
  readonly from: number
  /** From the one with the first axiom to the one with the last. */
  readonly words: Int32Array
}

const WORD_BITS = 32

/** `positions`: ascending, in the definition's list. */
export function axiomSetOf(positions: readonly number[]): AxiomSet {
  const from = (positions[0] ?? 0) >>> 5
  const to = positions.length === 0 ? from : ((positions.at(-1) as number) >>> 5) + 1
  const words = new Int32Array(to - from)
  for (const position of positions) words[(position >>> 5) - from] = (words[(position >>> 5) - from] as number) | (1 << (position & 31))
  return { from, words }
}

/** The positions of all axioms that one of these claims rests on, of a library with so many, ascending. */
export function unionOf(claims: readonly { readonly axioms: AxiomSet }[], axiomCount: number): number[] {
  const union = new Int32Array(Math.ceil(axiomCount / WORD_BITS))
  for (const { axioms } of claims) {
    const { from, words } = axioms
    for (let w = 0; w < words.length; w++) union[from + w] = (union[from + w] as number) | (words[w] as number)
  }
  const positions: number[] = []
  for (let w = 0; w < union.length; w++) {
    for (let bits = union[w] as number; bits !== 0; bits &= bits - 1) positions.push(WORD_BITS * w + 31 - Math.clz32(bits & -bits))
  }
  return positions
}
