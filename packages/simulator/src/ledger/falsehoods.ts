/**
 * What clients of the ledger try and may never get: false proofs, claims that are final already, nonces that are used, what is too late or
 * too dear, of another chain, signed by somebody else, or not approved. What is false whatever the chain holds is noted when it is written.
 */
import { ZERO_HASH } from '@aethel/codec'
import type { SubmitProof } from '@aethel/ledger'
import type { Random } from '../random.js'
import type { Claims } from './claims.js'
import type { Governor } from './governor.js'
import type { Theorem } from './library.js'
import type { Pen } from './pen.js'
import type { ProofDrawer } from './proofs.js'

export interface FalsehoodOptions {
  readonly random: Random
  readonly claims: Claims
  readonly pen: Pen
  readonly drawer: ProofDrawer
  readonly governor: Governor | null
}

/** What has become final so far, as far as one needs to know to offend against it. */
export interface Record {
  readonly theorems: readonly Theorem[]
  readonly proofs: readonly SubmitProof[]
  /** Of the account that writes. */
  readonly usedNonces: number
}

/** Who writes, and the nonce that would be next after what it waits for. */
interface Place {
  readonly account: number
  readonly nonce: number
}

type Falsehood = (options: FalsehoodOptions, place: Place, record: Record) => Uint8Array | null

/** One of these under a nonce that may be the account's turn. */
function proof(draw: (drawer: ProofDrawer, base: Theorem) => SubmitProof): Falsehood {
  return ({ drawer, pen, random }, { account, nonce }, { theorems }) =>
    pen.write(account, nonce - random.below(2), draw(drawer, random.pick(theorems)))
}

/** A claim that is final. */
const repeatedClaim: Falsehood = ({ pen, random }, { account, nonce }, { proofs }) =>
  proofs.length === 0 ? null : pen.write(account, nonce, random.pick(proofs))

/** A nonce that is used. */
const repeatedNonce: Falsehood = ({ pen, random, drawer }, { account }, { usedNonces }) =>
  usedNonces === 0 ? null : pen.write(account, random.below(usedNonces), drawer.note())

/**
 * Good where that is not final: a leader of an earlier view, who has not heard, may propose it, and others may vote for that block, which can
 * never be final itself. So these are not noted as false; that nothing is final twice is for the books to see.
 */
const REPETITIONS: readonly Falsehood[] = [repeatedClaim, repeatedNonce]

const FALSEHOODS: readonly Falsehood[] = [
  proof((drawer) => drawer.test('invalid')),
  proof((drawer) => drawer.falseRefutation()),
  proof((drawer) => drawer.brokenRefutation()),
  proof((drawer) => drawer.falseModel()),
  proof((drawer) => drawer.brokenModel()),
  proof((drawer) => drawer.falseScript()),
  proof((drawer) => drawer.brokenScript()),
  proof((drawer, base) => drawer.falseTheorem(base)),
  proof((drawer, base) => drawer.brokenTheorem(base)),
  proof((drawer, base) => drawer.unfounded(base)),
  repeatedClaim,
  repeatedNonce,
  // Too late for any block.
  ({ pen, drawer }, { account, nonce }) => pen.write(account, nonce, drawer.note(), { expiryHeight: 0 }),
  // More gas than its sender allows.
  ({ pen, drawer }, { account, nonce }) => pen.write(account, nonce, drawer.refutation(), { gasLimit: 1 }),
  // Of another chain.
  ({ pen, drawer }, { account, nonce }) => pen.write(account, nonce, drawer.note(), { chainId: ZERO_HASH }),
  // Signed by somebody else.
  ({ pen, drawer }, { account, nonce }) => pen.forge(account, account + 1, nonce, drawer.note()),
  // Not approved.
  ({ pen, governor }, { account, nonce }) => (governor === null ? null : pen.write(account, nonce, governor.proposeAlone())),
]

export function drawFalsehood(options: FalsehoodOptions, place: Place, record: Record): Uint8Array {
  const { random, claims, pen, drawer } = options
  const { account, nonce } = place
  const draw = random.pick(FALSEHOODS)
  const drawn = draw(options, place, record)
  const bytes = drawn ?? pen.write(account, nonce, drawer.test('invalid'))
  if (drawn === null || !REPETITIONS.includes(draw)) claims.noteFalse(bytes)
  return bytes
}
