import { bitmapOf, blsSignature, epoch, hash, height, signature, validatorIndex, view } from '@aethel/codec'
import type { Certificate, Message } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { priceOf } from './worth.js'

const about = { kind: 'commit', epoch: epoch(0), view: view(0), height: height(1), blockHash: hash(new Uint8Array(32)) } as const
const list: Certificate = { ...about, scheme: 'ed25519', signers: bitmapOf(4, [0]), signatures: [signature(new Uint8Array(64))] }
const sum: Certificate = { ...about, scheme: 'bls12-381', signers: bitmapOf(4, [0]), aggregate: blsSignature(new Uint8Array(96)) }

function viewChange(certificate: Certificate | null): Message {
  const entry = { epoch: epoch(0), newView: view(1), highest: about, committedHeight: height(0), sender: validatorIndex(1) }
  return { kind: 'view-change', entry: { ...entry, signature: signature(new Uint8Array(64)) }, certificate }
}

describe('what a message is charged', () => {
  it('E1: a certificate that is a sum costs its pairing, which its bytes do not show; a list costs its bytes', () => {
    const bytes = 400
    const without = priceOf(viewChange(null), bytes)
    expect(priceOf(viewChange(list), bytes)).toBe(without)
    expect(priceOf(viewChange(sum), bytes)).toBeGreaterThan(without + 1_000)
  })

  it('who collects votes owes nothing for the certificates that it tells: two for each block are more than progress pays for', () => {
    expect(priceOf({ kind: 'certificate', certificate: sum }, 300)).toBe(0)
  })
})
