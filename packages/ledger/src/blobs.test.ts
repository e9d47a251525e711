import { EMPTY_BYTES, fromHex, hash, utf8 } from '@aethel/codec'
import { blobRefOf } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import { cnfToClaim, LRAT_KIND } from '@aethel/proofs'
import { describe, expect, it } from 'vitest'
import { context, genesis, key, must, newLedger, registry, standAlone, transactionBytes } from '../test/chain.js'
import { chainIdOf, decodeGenesis, encodeGenesis, genesisFromJson, genesisToJson } from './genesis.js'
import { createLedger } from './ledger.js'
import { claimRecordOf } from './state.js'
import {
  type Action,
  buildTransaction,
  checkAction,
  decodeTransaction,
  encodeTransaction,
  INLINE_PROOF_BYTES,
  signTransaction,
} from './transaction.js'
import type { LedgerTransaction } from './transaction-reader.js'

const CLAIM = must(cnfToClaim(utf8('p cnf 1 2\n1 0\n-1 0\n')))
const BYTES = new Uint8Array(INLINE_PROOF_BYTES + 1).fill(99)
const BLOB = blobRefOf(BYTES)

function byBlob(bytes = BLOB.bytes, kind = LRAT_KIND): Action {
  return { type: 'submit-proof', kind, claim: CLAIM, proof: EMPTY_BYTES, blob: { ...BLOB, bytes }, metadata: null }
}

describe('proofs that travel as blobs', () => {
  const ledger = newLedger()
  const codeOf = (action: Action): string => {
    const decoded = ledger.decode(transactionBytes(1, 0, action))
    return decoded.ok ? 'ok' : decoded.error.code
  }

  it('a transaction carries root and length, and comes back as it was', () => {
    const action = byBlob()
    const bytes = transactionBytes(1, 0, action)
    const decoded = must(decodeTransaction(bytes))
    expect(decoded.action).toEqual(action)
    expect(encodeTransaction(decoded)).toEqual(bytes)
    expect(bytes.length).toBeLessThan(400)
    expect(checkAction(action).ok).toBe(true)
  })

  it('the claim is the one that a proof in the transaction would have; the proof is named by the root', () => {
    const inline = must(
      ledger.decode(transactionBytes(1, 0, { type: 'submit-proof', kind: LRAT_KIND, claim: CLAIM, proof: BYTES, metadata: null })),
    ) as LedgerTransaction
    const referred = must(ledger.decode(transactionBytes(1, 0, byBlob()))) as LedgerTransaction
    expect(referred.work?.claimId).toEqual(inline.work?.claimId)
    expect(referred.work?.key).not.toEqual(inline.work?.key)
    expect([referred.proofHash, referred.work?.blob, referred.work?.proof]).toEqual([BLOB.root, BLOB, EMPTY_BYTES])
  })

  it('the record of the claim has the root and the length of the blob', () => {
    const transaction = must(ledger.decode(transactionBytes(1, 0, byBlob())))
    const executed = must(ledger.execute(ledger.initial.state, context(1), [{ transaction, difficulty: 77 }]))
    const record = claimRecordOf(executed.state, transaction.work?.claimId ?? hash(new Uint8Array(32)))
    expect([record?.proofHash, record?.proofBytes, record?.gas]).toEqual([BLOB.root, BLOB.bytes, 77])
  })

  it('what a chain and a kind admit: no crumbs, nothing above the bound, no kinds that cannot be checked in pieces', () => {
    const { maxBlobBytes } = genesis.parameters
    expect(codeOf(byBlob())).toBe('ok')
    expect(codeOf(byBlob(maxBlobBytes))).toBe('ok')
    expect(codeOf(byBlob(maxBlobBytes + 1))).toBe('proof-too-large')
    expect(codeOf(byBlob(INLINE_PROOF_BYTES))).toBe('blob-too-small')
    expect(codeOf({ ...(standAlone('x') as Extract<Action, { type: 'submit-proof' }>), proof: EMPTY_BYTES, blob: BLOB })).toBe('no-blobs')
  })

  it('a chain without blobs takes none, and has the genesis it always had', () => {
    const without = { ...genesis, parameters: { ...genesis.parameters, maxBlobBytes: 0 } }
    const other = createLedger(without, registry, { verifySignature })
    const signer = key(1)
    const unsigned = buildTransaction({ chainId: chainIdOf(without), sender: signer.publicKey, nonce: 0, action: byBlob() })
    const decoded = other.decode(encodeTransaction(signTransaction(unsigned, signer)))
    expect(decoded.ok || decoded.error.code).toBe('no-blobs')
    for (const each of [genesis, without]) {
      expect(must(decodeGenesis(encodeGenesis(each)))).toEqual(each)
      expect(must(genesisFromJson(utf8(genesisToJson(each))))).toEqual(each)
    }
    expect([encodeGenesis(without)[1], encodeGenesis(genesis)[1]]).toEqual([1, 5])
    expect(genesisToJson(without)).not.toContain('maxBlobBytes')
    const zero = encodeGenesis(genesis)
    const at = Buffer.from(zero).indexOf(Buffer.from(must(fromHex('10000000'))))
    zero.set([0, 0, 0, 0], at)
    expect(decodeGenesis(zero).ok).toBe(false)
  })
})
