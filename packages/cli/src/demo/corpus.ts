/**
 * What the main job submits: theorems of the library in the order of the file (so that whatever one cites comes before
 * it), with the bundled refutations spread among them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EMPTY_BYTES, type Hash, toHex } from '@aethel/codec'
import { INLINE_PROOF_BYTES, type SubmitProof } from '@aethel/ledger'
import { BVLRAT_KIND, claimIdOf, cnfToClaim, LRAT_KIND, METAMATH_KIND } from '@aethel/proofs'
import { type Account, randomAccount } from '../accounts.js'
import { blobInMemory, type Uploadable } from '../blob-upload.js'
import { CliError, EXIT } from '../exit.js'
import type { MetamathLibrary } from '../metamath-library.js'

/** Consecutive theorems go to different accounts, so no account's order of nonces holds up a block. */
const ACCOUNTS = 32

export interface Proof {
  readonly name: string
  readonly action: SubmitProof
  readonly claimId: Hash
}

/** A signed transaction on its way. */
export interface Item {
  readonly name: string
  readonly kind: string
  readonly id: string
  readonly claimIdHex: string
  readonly bytes: Uint8Array
  /** The proof, where it is too large for the transaction: to be uploaded before. */
  readonly blob: Uploadable | null
}

export function theoremsOf(library: MetamathLibrary, count: number): Proof[] {
  const proofs: Proof[] = []
  for (const theorem of library.extractor.theorems()) {
    if (proofs.length === count) break
    if (!theorem.ok) throw new CliError(EXIT.invalid, theorem.error.code, `the library ${library.name}: ${theorem.error.message}`)
    const { label, claim, claimId, proof } = theorem.value
    proofs.push({ name: label, claimId, action: { type: 'submit-proof', kind: METAMATH_KIND, claim, proof, metadata: null } })
  }
  return proofs
}

/** The refutations that ship with `@aethel/proofs`. */
export function bundledRefutations(): Proof[] {
  const folder = join(fileURLToPath(import.meta.resolve('@aethel/proofs')), '..', '..', 'instances')
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.cnf'))
    .map((file) => file.slice(0, -'.cnf'.length))
  return names.toSorted().map((name) => {
    const claim = cnfToClaim(readFileSync(join(folder, `${name}.cnf`)))
    if (!claim.ok) throw new CliError(EXIT.internal, claim.error.code, `the bundled instance ${name}: ${claim.error.message}`)
    const proof = new Uint8Array(readFileSync(join(folder, `${name}.lrat`)))
    return {
      name,
      claimId: claimIdOf(LRAT_KIND, claim.value),
      action: {
        type: 'submit-proof',
        kind: LRAT_KIND,
        claim: claim.value,
        proof,
        metadata: { title: name, sourceDigest: null, toolchain: '' },
      },
    }
  })
}

/** Theorems in order, the others spread evenly among them. */
export function interleave(theorems: readonly Proof[], others: readonly Proof[]): Proof[] {
  const mixed: Proof[] = []
  let taken = 0
  for (const [index, theorem] of theorems.entries()) {
    mixed.push(theorem)
    const due = Math.floor(((index + 1) * others.length) / theorems.length)
    for (; taken < due; taken++) mixed.push(others[taken] as Proof)
  }
  mixed.push(...others.slice(taken))
  return mixed
}

/** As `aethel submit` does it: large refutations travel as blobs. */
export function sign(chainId: Hash, proofs: readonly Proof[]): Item[] {
  const accounts = Array.from({ length: ACCOUNTS }, randomAccount)
  return proofs.map(({ name, claimId, action }, index) => {
    const { kind, proof } = action
    const isLarge = proof.length > INLINE_PROOF_BYTES && (kind === LRAT_KIND || kind === BVLRAT_KIND)
    const blob = isLarge ? blobInMemory(name, proof) : null
    const sent: SubmitProof = blob === null ? action : { ...action, proof: EMPTY_BYTES, blob: blob.ref }
    const { id, bytes } = (accounts[index % ACCOUNTS] as Account).transaction(chainId, sent)
    return { name, kind, id, claimIdHex: toHex(claimId), bytes, blob }
  })
}
