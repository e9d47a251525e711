/**
 * The tree of blocks above the committed one: which bodies are held, which are executed, which are proven committed, and
 * the one place where blocks are handed to the application, in height order, exactly once (protocol.md §4).
 */
import { assert, equalBytes, type Hash, type Height, height, keyOf, type ValidatorIndex, view } from '@aethel/codec'
import { onRefuted } from './accusations.js'
import type { Block } from './block.js'
import { type Certificate, compareCertificates } from './certificate.js'
import { checkAgainstChain, checkAgainstLinks, ForkFound } from './halting.js'
import { type CommittedTip, MAX_CERTIFICATE_AGE, RECENT_HASHES, type ValidationResult } from './interface.js'
import {
  type BlockEntry,
  emit,
  entryOf,
  MAX_RETAINED_BLOCKS,
  MAX_RETAINED_BYTES,
  newEntry,
  PAST_VIEWS_COUNTED,
  type State,
} from './state.js'
import { noteProgress } from './timers.js'

/** Keeps a body; the caller has a reason to want it (accepted, fetched by hash, or certified). */
export function addBlock(state: State, block: Block, gas: readonly number[] | null = null): BlockEntry {
  const known = entryOf(state, block.hash)
  if (known !== undefined) {
    known.gas ??= gas
    return known
  }
  const entry = newEntry(state, block, 'received')
  entry.gas = gas
  let held = entry.bytes
  for (const other of state.blocks.values()) held += other.bytes
  while (state.blocks.size >= MAX_RETAINED_BLOCKS || held > MAX_RETAINED_BYTES) {
    const evicted = evictOldest(state)
    if (evicted === undefined) break
    held -= evicted.bytes
  }
  state.blocks.set(keyOf(block.hash), entry)
  state.missing.delete(keyOf(block.hash))
  return entry
}

/** A body that was missing has come: whoever was waiting for it goes on. */
export function onBody(state: State, block: Block, gas: readonly number[] | null = null): void {
  addBlock(state, block, gas)
  const proven = state.certified.get(block.header.height)
  if (proven !== undefined && equalBytes(proven.hash, block.hash))
    markCommitted(state, proven.hash, block.header.height, proven.certificate)
  for (const entry of state.blocks.values()) if (entry.wanted) pursue(state, entry)
  const { phase } = state
  if (phase.kind === 'active' && phase.base.kind === 'tip' && equalBytes(phase.base.hash, block.hash))
    pursueHash(state, block.hash, block.header.height)
  commitReady(state)
}

/** Works towards having this block executed: executes its lowest ancestor that is not, or asks for one that is missing. */
export function pursueHash(state: State, hash: Hash, at: Height, likely?: ValidatorIndex): void {
  if (at <= state.committed.height) return
  const entry = entryOf(state, hash)
  if (entry === undefined) state.agenda.push({ what: 'fetch-block', hash, height: at, likely })
  else pursue(state, entry, likely)
}

export function pursue(state: State, target: BlockEntry, likely?: ValidatorIndex): void {
  let entry = target
  while (entry.status === 'waiting') {
    entry.wanted = true
    const { parent, height: at } = entry.block.header
    if (equalBytes(parent, state.committed.hash)) return startValidation(state, entry, state.committed)
    if (at <= state.committed.height + 1) return // on a branch that lost: it can never be executed
    const below = entryOf(state, parent)
    if (below === undefined) {
      state.agenda.push({ what: 'fetch-block', hash: parent, height: height(at - 1), likely })
      return
    }
    if (below.status === 'invalid') return refuseBlock(state, entry, 'invalid-parent', 'its parent is invalid')
    if (below.status === 'valid') {
      const { height: belowHeight, timestampMs } = below.block.header
      return startValidation(state, entry, { height: belowHeight, hash: below.block.hash, timestampMs })
    }
    entry = below
  }
}

/** Rules that need the parent; what concerns transactions and state is the application's. */
function startValidation(state: State, entry: BlockEntry, parent: CommittedTip): void {
  const { header } = entry.block
  if (header.height !== parent.height + 1)
    return refuseBlock(state, entry, 'height', `expected height ${parent.height + 1}, got ${header.height}`)
  if (header.timestampMs <= parent.timestampMs) {
    return refuseBlock(state, entry, 'timestamp', `expected a timestamp above ${parent.timestampMs}, got ${header.timestampMs}`)
  }
  if (header.height < state.lastHeight && !equalBytes(header.nextValidatorsHash, header.validatorsHash)) {
    return refuseBlock(
      state,
      entry,
      'next-validators',
      'expected the same validators in the next block: validators change between epochs only',
    )
  } // in the last block of an epoch the application says who they are
  const missing = missingAncestor(state, entry.block)
  if (missing !== null) {
    // That it cannot be checked here, now, says nothing about the block: it waits.
    state.agenda.push({ what: 'fetch-block', ...missing, likely: undefined })
    return
  }
  if (!lastCertificateFits(state, entry.block)) {
    return refuseBlock(
      state,
      entry,
      'last-certificate',
      `expected a commit certificate of an ancestor at most ${MAX_CERTIFICATE_AGE} heights old`,
    )
  }
  entry.status = 'validating'
  const certified = isCertified(state, entry.block)
  const certifiedGas = certified ? entry.gas : null
  // Whoever named it may have lied, and what it leads to is found out once: if this fails, what others name is tried (seed 9104).
  if (certified) entry.gas = null
  state.out.push({ kind: 'validate', block: entry.block, certifiedGas })
}

function isCertified(state: State, { header, hash }: Block): boolean {
  const proven = state.certified.get(header.height)
  return proven !== undefined && equalBytes(proven.hash, hash)
}

function lastCertificateFits(state: State, block: Block): boolean {
  const certificate = block.body.lastCertificate
  if (certificate === null) return block.header.height <= MAX_CERTIFICATE_AGE
  checkAgainstChain(state, certificate) // the edge has verified it
  if (block.header.height - certificate.height > MAX_CERTIFICATE_AGE) return false
  const ancestor = ancestorAt(state, block, certificate.height)
  return ancestor !== undefined && equalBytes(ancestor, certificate.blockHash)
}

/** The first block between this one and the committed one that is not held; null: all are. */
function missingAncestor(state: State, block: Block): { readonly hash: Hash; readonly height: Height } | null {
  let hash = block.header.parent
  for (let level = block.header.height - 1; level > state.committed.height; level--) {
    const entry = entryOf(state, hash)
    if (entry === undefined) return { hash, height: height(level) }
    hash = entry.block.header.parent
  }
  return null
}

function ancestorAt(state: State, block: Block, at: Height): Hash | undefined {
  let hash = block.header.parent
  for (let level = block.header.height - 1; level > state.committed.height; level--) {
    if (level === at) return hash
    const entry = entryOf(state, hash)
    if (entry === undefined) return undefined
    hash = entry.block.header.parent
  }
  return state.recent.get(at)
}

function refuseBlock(state: State, entry: BlockEntry, code: string, message: string): void {
  entry.status = 'invalid'
  emit(state, { name: 'block-invalid', height: entry.block.header.height, hash: entry.block.hash, code, message })
  state.agenda.push({ what: 'block-invalid', hash: entry.block.hash })
}

export function onValidated(state: State, hash: Hash, result: ValidationResult): void {
  const entry = entryOf(state, hash)
  if (entry?.status === 'valid' && result.status === 'aborted') return takeBack(state, entry, result.reason)
  if (entry === undefined || entry.status !== 'validating') return
  switch (result.status) {
    case 'valid':
      entry.status = 'valid'
      state.agenda.push({ what: 'block-valid', hash })
      pursueChildren(state, hash)
      return commitReady(state)
    case 'invalid':
      if (result.refuted !== undefined) onRefuted(state, entry.block, result.refuted)
      return refuseBlock(state, entry, result.code, result.message)
    case 'aborted':
      // Not the proof's fault as far as we know: abstain, and try again at the next status tick.
      entry.status = 'aborted'
      emit(state, { name: 'verification-aborted', height: entry.block.header.height, hash, reason: result.reason })
      return
  }
}

/**
 * What a vote would attest is not here any more, and no vote has been cast: the block is checked again before one is, and with it what was
 * executed on it. After a vote, or once it is proven committed, the execution stands.
 */
function takeBack(state: State, entry: BlockEntry, reason: string): void {
  const { hash, header } = entry.block
  if (entry.voted || isCertified(state, entry.block)) return
  entry.status = 'aborted'
  emit(state, { name: 'verification-aborted', height: header.height, hash, reason })
  const lost = new Map([[keyOf(hash), hash]])
  for (const other of [...state.blocks.values()].sort((a, b) => a.block.header.height - b.block.header.height)) {
    if (!lost.has(keyOf(other.block.header.parent)) || (other.status !== 'valid' && other.status !== 'validating')) continue
    other.status = 'waiting'
    lost.set(keyOf(other.block.hash), other.block.hash)
  }
  state.out.push({ kind: 'abandon', hashes: [...lost.values()] })
}

function pursueChildren(state: State, parent: Hash): void {
  for (const entry of state.blocks.values()) {
    if (entry.wanted && entry.status === 'waiting' && equalBytes(entry.block.header.parent, parent)) pursue(state, entry)
  }
}

/** Aborted verifications get another chance, one per tick. */
export function retryAborted(state: State): void {
  for (const entry of state.blocks.values()) {
    if (entry.status === 'aborted' && entry.wanted) {
      entry.status = 'waiting'
      pursue(state, entry)
    }
  }
}

/** A commit certificate, from our own tally or from a peer: it stands whatever our view (trap D6). */
export function learnCommit(state: State, certificate: Certificate): void {
  assert(certificate.kind === 'commit', 'only a commit certificate proves a commit')
  if (state.highest === null || compareCertificates(certificate, state.highest) > 0) {
    state.highest = certificate
    state.highestIsDurable = false // written with the next COMMIT of ours that relies on it (normal-case.ts)
  }
  if (certificate.height <= state.committed.height) return checkAgainstChain(state, certificate)
  markCommitted(state, certificate.blockHash, certificate.height, certificate)
  commitReady(state)
}

/** Marks a block and the ancestors we hold as proven committed; a block's own certificate is preferred to a descendant's. */
export function markCommitted(state: State, hash: Hash, at: Height, certificate: Certificate): void {
  let cursor = hash
  for (let level = at; level > state.committed.height; level = height(level - 1)) {
    if (!state.certified.has(level) && !makeRoomForCertified(state, level)) return
    const known = state.certified.get(level)
    if (known !== undefined && !equalBytes(known.hash, cursor)) throw new ForkFound(level, certificate)
    checkAgainstLinks(state, level, cursor, certificate)
    if (known === undefined || (certificate.height === level && known.certificate.height !== level)) {
      state.certified.set(level, { hash: cursor, certificate })
    }
    const entry = entryOf(state, cursor)
    if (entry === undefined) return
    cursor = entry.block.header.parent
  }
  if (at > state.committed.height && !equalBytes(cursor, state.committed.hash)) throw new ForkFound(state.committed.height, certificate)
}

/**
 * The highest gives way: the lowest is what execution needs next, and anybody can show certificates of thousands of blocks that lie far
 * ahead of whoever is behind. False: this one is the highest.
 */
function makeRoomForCertified(state: State, level: Height): boolean {
  if (state.certified.size < MAX_RETAINED_BLOCKS) return true
  let highest = level
  for (const at of state.certified.keys()) if (at > highest) highest = at
  return state.certified.delete(highest)
}

/** Hands over every block that is proven committed, executed and next. */
export function commitReady(state: State): void {
  for (;;) {
    const next = height(state.committed.height + 1)
    const proven = state.certified.get(next)
    if (proven === undefined) {
      if (state.laterEpoch.size > 0) state.agenda.push({ what: 'fetch-later' })
      return pursueLowestCertified(state)
    }
    const entry = entryOf(state, proven.hash)
    if (entry === undefined || entry.status !== 'valid') return pursueHash(state, proven.hash, next)
    commit(state, entry, proven.certificate)
  }
}

/**
 * Nothing is known about the next height, but something above is proven: its chain leads down to what is missing, or to the next
 * height, if bodies have come since that were not there when the certificate was learned.
 */
function pursueLowestCertified(state: State): void {
  let lowest: Height | undefined
  for (const at of state.certified.keys()) if (lowest === undefined || at < lowest) lowest = at
  const proven = lowest === undefined ? undefined : state.certified.get(lowest)
  if (lowest === undefined || proven === undefined) return
  markCommitted(state, proven.hash, lowest, proven.certificate)
  if (state.certified.has(height(state.committed.height + 1))) commitReady(state)
  else pursueHash(state, proven.hash, lowest)
}

function commit(state: State, entry: BlockEntry, certificate: Certificate): void {
  const { block } = entry
  const { height: at, timestampMs } = block.header
  assert(
    at === state.committed.height + 1 && equalBytes(block.header.parent, state.committed.hash),
    'commits go in height order without gaps',
  )
  state.out.push({ kind: 'commit', block, certificate, acceptedAtMs: state.acceptedAtMs.get(at) ?? null })
  emit(state, { name: 'committed', view: certificate.view, height: at, hash: block.hash, direct: certificate.height === at })
  state.committed = { height: at, hash: block.hash, timestampMs }
  state.recent.set(at, block.hash)
  state.recent.delete(height(Math.max(0, at - RECENT_HASHES)))
  keepRecentBlock(state, block)
  if (certificate.height === at) state.lastCertificate = certificate
  state.progressView = certificate.view > state.progressView ? certificate.view : state.progressView
  noteProgress(state, at)
  forgetUpTo(state, at)
}

function keepRecentBlock(state: State, block: Block): void {
  state.recentBlocks.set(keyOf(block.hash), block)
  for (const key of state.recentBlocks.keys()) {
    if (state.recentBlocks.size <= state.config.window) break
    state.recentBlocks.delete(key) // insertion order is height order
  }
}

/** Nothing at or below a committed height is needed again. */
function forgetUpTo(state: State, committed: Height): void {
  const dropped: Hash[] = []
  for (const [key, entry] of state.blocks) {
    if (entry.block.header.height > committed) continue
    state.blocks.delete(key)
    if (!equalBytes(entry.block.hash, state.committed.hash)) dropped.push(entry.block.hash)
  }
  dropDescendants(state, dropped)
  if (dropped.length > 0) state.out.push({ kind: 'abandon', hashes: dropped })
  for (const map of [state.accepted, state.own, state.certified, state.links, state.acceptedAtMs]) {
    for (const at of map.keys()) if (at <= committed) map.delete(at)
  }
  for (const heights of state.early.values()) for (const at of heights.keys()) if (at <= committed) heights.delete(at)
  for (const [key, wanted] of state.missing) if (wanted.height <= committed) state.missing.delete(key)
  state.votes.prune(view(Math.max(0, state.view - PAST_VIEWS_COUNTED)), committed)
}

/**
 * Extends `dropped` by everything built on it. A block above the committed height whose ancestor lost may still be under
 * execution: without its parent's state that execution has no ground to stand on.
 */
function dropDescendants(state: State, dropped: Hash[]): void {
  if (dropped.length === 0) return
  const lost = new Set(dropped.map(keyOf))
  const ascending = [...state.blocks].sort(([, a], [, b]) => a.block.header.height - b.block.header.height)
  for (const [key, entry] of ascending) {
    if (!lost.has(keyOf(entry.block.header.parent))) continue
    lost.add(key)
    state.blocks.delete(key)
    dropped.push(entry.block.hash)
  }
}

/**
 * On entering a view: executed states off the chosen chain, and off what is proven committed, are dropped. Bodies that we voted for stay until their height is
 * committed, because a certificate for them may surface in a later view and we may be the ones to serve it.
 */
export function keepOnly(state: State, tip: Hash): void {
  const chain = new Set<string>()
  for (const hash of [tip, ...[...state.certified.values()].map((proven) => proven.hash)]) {
    let cursor: BlockEntry | undefined = entryOf(state, hash)
    while (cursor !== undefined && !chain.has(keyOf(cursor.block.hash))) {
      chain.add(keyOf(cursor.block.hash))
      cursor = entryOf(state, cursor.block.header.parent)
    }
  }
  const dropped: Hash[] = []
  for (const [key, entry] of state.blocks) {
    if (chain.has(key)) continue
    if (entry.status === 'valid' || entry.status === 'validating') dropped.push(entry.block.hash)
    if (entry.status !== 'invalid') entry.status = 'waiting'
    entry.wanted = false
    if (!entry.voted) state.blocks.delete(key)
  }
  if (dropped.length > 0) state.out.push({ kind: 'abandon', hashes: dropped })
}

/** The block first proposed in the oldest view goes first, never one that is wanted, or proven committed: it will be, when its turn comes. */
function evictOldest(state: State): BlockEntry | undefined {
  let oldest: BlockEntry | undefined
  for (const entry of state.blocks.values()) {
    if (entry.wanted || isCertified(state, entry.block)) continue
    if (oldest === undefined || entry.block.header.view < oldest.block.header.view) oldest = entry
  }
  if (oldest === undefined) return undefined
  state.blocks.delete(keyOf(oldest.block.hash))
  const { hash } = oldest.block
  state.out.push({ kind: 'persist', records: [{ kind: 'forget-block', hash, height: oldest.block.header.height }] })
  state.out.push({ kind: 'abandon', hashes: [hash] })
  return oldest
}
