/**
 * What must hold in the end, checked from outside: one chain on all validators, the library as it would be without the
 * network, and a receipt for every proof that verifies offline.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Hash, toHex } from '@aethel/codec'
import { computeLibraryRoot } from '@aethel/ledger'
import { decodeTrust, type TrustRoot, verifyReceipt } from '@aethel/receipts'
import type { NodeStatus } from '../answers.js'
import { CliError, EXIT } from '../exit.js'
import type { MetamathLibrary } from '../metamath-library.js'
import type { ValidatorProcess } from '../processes.js'
import type { Item } from './corpus.js'

const POLL_MS = 50
const SETTLE_TIMEOUT_MS = 60_000
const BLOCKS_PER_PAGE = 100
const PARALLEL_RECEIPTS_PER_VALIDATOR = 2

/** Waits until all validators stand at one height with nothing left to order. */
export async function settled(validators: readonly ValidatorProcess[], leastHeight: number): Promise<NodeStatus[]> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const statuses = await Promise.all(validators.map((validator) => validator.client.status()))
    const heights = statuses.map((status) => status.height)
    if (Math.min(...heights) >= leastHeight && heights.every((height) => height === heights[0])) return statuses
    if (Date.now() > deadline) {
      throw new CliError(
        EXIT.internal,
        'not-settled',
        `expected all validators at one height of at least ${leastHeight}, got heights ${heights.join(', ')} after ${SETTLE_TIMEOUT_MS / 1000} s`,
      )
    }
    await sleep(POLL_MS)
  }
}

/** Compares hash and state root of every height on every validator; null, or where they differ. A page may be shorter than asked for. */
export async function chainDifference(validators: readonly ValidatorProcess[], height: number): Promise<string | null> {
  for (let from = 1; from <= height; ) {
    const limit = Math.min(BLOCKS_PER_PAGE, height - from + 1)
    const pages = await Promise.all(validators.map((validator) => validator.client.blocks(from, limit)))
    const shortest = Math.max(1, Math.min(...pages.map((page) => page.length))) // an empty one is missing its first block
    for (let offset = 0; offset < shortest; offset++) {
      const blocks = pages.map((page) => page[offset])
      const seen = new Set(blocks.map((block) => (block === undefined ? 'missing' : `${block.height} ${block.hash} ${block.stateRoot}`)))
      if (seen.size !== 1 || seen.has('missing') || blocks[0]?.height !== from + offset)
        return `height ${from + offset}: ${[...seen].join(' against ')}`
    }
    from += shortest
  }
  return null
}

/** Root of the library with its axioms and its first theorems, computed from the file alone. */
export function offlineLibraryRoot(library: MetamathLibrary, theorems: number): string {
  const entries = library.extractor.entries(theorems)
  return toHex(computeLibraryRoot([...entries.axioms, ...entries.theorems]))
}

export function readTrustFile(file: string): TrustRoot {
  const trust = decodeTrust(readFileSync(file))
  if (!trust.ok) throw new CliError(EXIT.internal, trust.error.code, `the trust root in ${file} does not read: ${trust.error.message}`)
  return trust.value
}

export interface ReceiptsOutcome {
  readonly verified: number
  /** The first few that failed. */
  readonly failures: readonly string[]
}

/** Fetches the receipt of every item, spread over the validators, and verifies each against the trust root. */
export async function verifyAllReceipts(
  validators: readonly ValidatorProcess[],
  items: readonly Item[],
  claimIds: readonly Hash[],
  trust: TrustRoot,
  onProgress: (done: number) => void,
): Promise<ReceiptsOutcome> {
  let next = 0
  let verified = 0
  const failures: string[] = []
  const worker = async (validator: ValidatorProcess): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at] as Item
      const bytes = await validator.client.receipt(item.claimIdHex)
      const refusal = bytes === null ? 'there is none' : receiptRefusal(bytes, claimIds[at] as Hash, item.kind, trust)
      if (refusal === null) verified++
      else failures.push(`${item.name}: ${refusal}`)
      onProgress(verified)
    }
  }
  await Promise.all(validators.flatMap((validator) => Array.from({ length: PARALLEL_RECEIPTS_PER_VALIDATOR }, () => worker(validator))))
  return { verified, failures: failures.slice(0, 5) }
}

function receiptRefusal(bytes: Uint8Array, claimId: Hash, kind: string, trust: TrustRoot): string | null {
  const verification = verifyReceipt(bytes, { trust, policy: { claimId, kinds: [kind] } })
  return verification.ok ? null : verification.error.message
}
