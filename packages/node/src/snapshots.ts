/** What a node adds to taking over and handing over states (docs/protocol.md §7): its configuration, its store, its log, its status. */
import { toHex } from '@aethel/codec'
import { MAX_OFFER_LINK_BYTES, MAX_OFFER_LINKS, type SnapshotMessage } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import type { LedgerState } from '@aethel/ledger'
import type { Replica, ReplicaEffect, StagedSnapshot, SyncOptions } from '@aethel/replica'
import type { Store } from '@aethel/storage'
import { epochLinks } from './epochs.js'
import type { Home } from './home.js'
import type { Log } from './log.js'

/** About: a part of this size takes some milliseconds to make and to check. */
const CHUNK_BYTES: number = 128 * 1024

export function syncOptions(home: Home, store: Store, staged: StagedSnapshot | null): SyncOptions {
  const { trustCertificates, snapshot } = home.config.sync
  const { tip } = store
  const newest = tip === undefined || tip.height === 0 ? undefined : store.certificateFrom(tip.height)
  const certificate = newest !== undefined && newest.height === tip?.height ? newest : null
  return {
    trustCertificates,
    snapshots: {
      behindBlocks: snapshot.behindBlocks,
      everyBlocks: snapshot.everyBlocks,
      chunkBytes: CHUNK_BYTES,
      verifySignature,
      stored: { headers: store.recentHeaders, certificate, staged },
    },
  }
}

type Offer = Extract<ReplicaEffect, { kind: 'serve-offer' }>

/** The ends of epochs up to the state's, as many as fit: whoever needs more asks again from where these end. */
export function offerMessage(home: Home, store: Store, { from, offer }: Offer): SnapshotMessage {
  const links = epochLinks(home, store, offer.header.height, from, MAX_OFFER_LINKS, MAX_OFFER_LINK_BYTES)
  return { kind: 'snapshot', offer: { ...offer, links } }
}

type Event = Extract<ReplicaEffect, { kind: 'event' }>['event']
type SyncEventName =
  | 'verdicts-trusted'
  | 'verdicts-doubted'
  | 'snapshot-begun'
  | 'snapshot-chunk'
  | 'snapshot-peer-dropped'
  | 'snapshot-given-up'
  | 'snapshot-restored'

export function logSync(log: Log, event: Extract<Event, { name: SyncEventName }>): void {
  switch (event.name) {
    case 'verdicts-trusted':
      return log.debug({ event: event.name, height: event.height, proofs: event.proofs })
    case 'verdicts-doubted':
      return log.warn({ event: event.name, height: event.height, hash: toHex(event.hash), proofs: event.proofs })
    case 'snapshot-begun':
      return log.warn({ event: event.name, height: event.height, peers: event.peers, resumed: event.resumed })
    case 'snapshot-chunk':
      return log.debug({ event: event.name, height: event.height, peer: event.peer, lanesDone: event.lanesDone, bytes: event.bytes })
    case 'snapshot-peer-dropped':
      return log.warn({ event: event.name, peer: event.peer, code: event.code })
    case 'snapshot-given-up':
      return log.warn({ event: event.name, height: event.height, why: event.why })
    case 'snapshot-restored':
      return log.warn({ event: event.name, height: event.height, from: event.from, epoch: event.epoch })
  }
}

/** For `/v1/status`: what of this chain the validator has not executed itself, what it is fetching, and what it can hand over. */
export function syncJson(home: Home, store: Store, replica: Replica<LedgerState>): Record<string, unknown> {
  const { trustCertificates, snapshot } = home.config.sync
  const { gaps } = store
  return {
    trustCertificates,
    behindBlocks: snapshot.behindBlocks,
    gaps: gaps.map(({ from, to }) => ({ from, to })),
    fetching: replica.snapshot,
    serves: replica.snapshotsServed,
  }
}

/** Why a block of the chain cannot be had here; null: it is not in a gap. */
export function gapMessage(store: Store, at: number): string | null {
  const gap = store.gaps.find(({ from, to }) => at >= from && at <= to)
  if (gap === undefined) return null
  return `this validator took over the state after block ${gap.to} and does not have the blocks ${gap.from} to ${gap.to}; ask another one`
}
