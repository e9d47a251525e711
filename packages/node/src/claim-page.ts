/**
 * A claim as people look at it: its record, what its kind can say about the formula or theorem, and, apart from that and marked as such,
 * what the submitter said.
 */
import { decode, type Hash, toHex } from '@aethel/codec'
import { type ClaimRecord, decodeTransaction, type LedgerLibrary, type SubmitProof } from '@aethel/ledger'
import {
  BVLRAT_KIND,
  BVLRAT_REVISION,
  createMeter,
  encodeScript,
  LRAT_KIND,
  METAMATH_KIND,
  parseScript,
  readMetamathClaim,
  SAT_MODEL_KIND,
} from '@aethel/proofs'
import type { Store } from '@aethel/storage'

/** Axioms of one theorem that are named; set.mm has about 2,700. */
const MAX_AXIOMS_NAMED = 4_096

/** The action that brought a claim; undefined: its block is not kept here. */
export function submissionOf(store: Pick<Store, 'transactionPlace' | 'committedBlock'>, record: ClaimRecord): SubmitProof | undefined {
  const place = store.transactionPlace(record.transactionId)
  const bytes = place === undefined ? undefined : store.committedBlock(place.height)?.body.transactions[place.index]
  const decoded = bytes === undefined ? undefined : decodeTransaction(bytes)
  return decoded?.ok === true && decoded.value.action.type === 'submit-proof' ? decoded.value.action : undefined
}

/** What the submitter said. The network vouches for the claim, not for what it is said to be about. */
export function metadataJson(action: SubmitProof | undefined): Record<string, unknown> | null {
  const metadata = action?.metadata ?? null
  if (metadata === null) return null
  const { title, toolchain, sourceDigest } = metadata
  return {
    verified: false,
    note: 'said by the submitter, checked by nobody',
    title,
    toolchain,
    sourceDigest: sourceDigest === null ? null : toHex(sourceDigest),
  }
}

/** What the kind can say; null: nothing. */
export function describeClaim(
  record: ClaimRecord,
  action: SubmitProof | undefined,
  libraries: readonly LedgerLibrary[],
): Record<string, unknown> | null {
  switch (record.kind) {
    case METAMATH_KIND:
      return theoremJson(record, action, libraries)
    case LRAT_KIND:
    case SAT_MODEL_KIND:
      return action === undefined ? null : formulaJson(action.claim)
    case BVLRAT_KIND:
      return action === undefined ? null : scriptJson(record.kind, action.claim)
    default:
      return null
  }
}

function theoremJson(
  record: ClaimRecord,
  action: SubmitProof | undefined,
  libraries: readonly LedgerLibrary[],
): Record<string, unknown> | null {
  const { library } = record
  if (library === null) return null
  const axioms = libraries.find(({ name }) => name === library.name)?.axioms ?? []
  const statement = action === undefined ? undefined : readMetamathClaim(action.claim)
  const said =
    statement?.ok === true
      ? {
          hypotheses: statement.value.hypotheses.filter(({ kind }) => kind === 'essential').map(({ symbols }) => symbols),
          assertion: statement.value.assertion,
        }
      : {}
  return {
    ...said,
    restsOn: library.axioms.slice(0, MAX_AXIOMS_NAMED).map((position) => axioms[position]?.label ?? `axiom ${position}`),
    restsOnCount: library.axioms.length,
  }
}

/** Of a canonical CNF: u32 variables, u32 clauses, per clause a count and its literals. */
function formulaJson(claim: Uint8Array): Record<string, unknown> | null {
  const parsed = decode(claim, (reader) => {
    const [variables, clauses] = [reader.u32(), reader.u32()]
    const literals = reader.remaining / 4 - clauses
    reader.raw(reader.remaining)
    return { variables, clauses, literals }
  })
  return parsed.ok ? { cnf: parsed.value } : null
}

/** A page is asked for by anybody: larger scripts are shown without the figures of their formula. */
const PAGE_ENCODING_LIMITS = { gas: 2_000_000, memoryWords: 4_000_000 }

/** Which formula a script becomes is part of the kind, and its revision, which genesis pins, is the encoder's version. */
function scriptJson(kind: string, claim: Uint8Array): Record<string, unknown> | null {
  const script = parseScript(claim)
  if (!script.ok) return null
  const encoder = `${kind} revision ${BVLRAT_REVISION}`
  const assertions = script.value.assertions.length
  try {
    const { cnf, usedGates } = encodeScript(script.value, createMeter(PAGE_ENCODING_LIMITS))
    const { variables, clauses, words } = cnf
    return { encoder, assertions, gates: usedGates, cnf: { variables, clauses, literals: words.length - clauses } }
  } catch {
    // More gas or gates than a page is worth.
    return { encoder, assertions }
  }
}

/** For search results. */
export function summaryJson(record: ClaimRecord): Record<string, unknown> {
  return {
    claimId: toHex(record.claimId),
    kind: record.kind,
    label: record.library?.label ?? null,
    library: record.library?.name ?? null,
    height: record.height,
    timestampMs: record.timestampMs,
    gas: record.gas,
    sender: toHex(record.sender),
  }
}

export function sourceDigestOf(action: SubmitProof | undefined): Hash | null {
  return action?.metadata?.sourceDigest ?? null
}
