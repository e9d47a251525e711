/** A state machine whose states are handed over, for tests of that: three lists of words. A chunk is a few words of one of them. */
import { decode, encode, equalBytes, HASH_BYTES, type Hash, height, ok, refuse, ZERO_HASH } from '@aethel/codec'
import {
  ballotBytes,
  type Certificate,
  createValidatorSet,
  type EpochLink,
  type EpochStart,
  type Header,
  hashHeader,
  type SnapshotOffer,
  type ValidatorSet,
} from '@aethel/consensus'
import { hashTagged, type SigningKey, signingKey, verifySignature } from '@aethel/crypto'
import type { Snapshots } from '../src/application.js'

export const CHAIN: Hash = hashTagged('test/shelf-chain', ZERO_HASH)

/** Newest word last. */
export type Lists = readonly (readonly string[])[]

function withWord(root: Hash, word: string): Hash {
  return hashTagged(
    'test/word',
    encode((writer) => writer.raw(root).text(word)),
  )
}

function listRoot(words: readonly string[]): Hash {
  return words.reduce<Hash>(withWord, ZERO_HASH)
}

export function rootOf(lists: Lists): Hash {
  return rootOfRoots(lists.map(listRoot))
}

function rootOfRoots(roots: readonly Hash[]): Hash {
  return hashTagged(
    'test/lists',
    encode((writer) => writer.list(roots, (w, root) => w.raw(root))),
  )
}

function decodeChunk(chunk: Uint8Array) {
  return decode(chunk, (reader) => ({
    roots: reader.list(3, (r) => r.hash()),
    below: reader.hash(),
    words: reader.list(1000, (r) => r.text(100)),
  }))
}

/** One word in a chunk, whatever is asked for: so that there are many. */
export const lists: Snapshots<Lists> = {
  lanes: 3,
  chunk(state, { lane, cursor }) {
    const words = state[lane]
    if (words === undefined) return null
    let upTo = words.length
    while (cursor.length > 0 && upTo > 0 && !equalBytes(listRoot(words.slice(0, upTo)), cursor)) upTo--
    const from = Math.max(0, upTo - 1)
    return encode((writer) =>
      writer
        .list(state.map(listRoot), (w, root) => w.raw(root))
        .raw(listRoot(words.slice(0, from)))
        .list(words.slice(from, upTo), (w, word) => w.text(word)),
    )
  },
  check(stateRoot, { lane, cursor }, chunk) {
    const decoded = decodeChunk(chunk)
    if (!decoded.ok) return decoded
    const { roots, below, words } = decoded.value
    const top = cursor.length === HASH_BYTES ? cursor : roots[lane]
    if (top === undefined || !equalBytes(rootOfRoots(roots), stateRoot)) return refuse('lists-root', 'expected lists with the trusted root')
    if (!equalBytes(words.reduce<Hash>(withWord, below), top)) return refuse('lists-words', 'expected the words that lead to the place')
    const isGround = equalBytes(below, ZERO_HASH)
    if (words.length === 0 && !isGround) return refuse('lists-empty', 'expected a word')
    return ok({
      puts: words.map((word) => [encode((w) => w.u8(lane).raw(top as Hash)), encode((w) => w.text(word))] as const),
      next: isGround ? null : below,
    })
  },
  restore(stateRoot, puts) {
    const found: string[][] = [[], [], []]
    for (const [key, value] of puts) {
      const word = decode(value, (reader) => reader.text(100))
      if (!word.ok) return word
      found[key[0] as number]?.unshift(word.value) // chunks come from the newest down
    }
    return equalBytes(rootOf(found), stateRoot) ? ok(found) : refuse('lists-root', 'expected whole lists')
  },
}

const KEYS: SigningKey[] = Array.from({ length: 8 }, (_, index) => signingKey(new Uint8Array(32).fill(index + 1)))

/** Four of eight keys, from `first` on. */
export function setOf(epoch: number, first = 0): ValidatorSet {
  const made = createValidatorSet(
    epoch as never,
    [0, 1, 2, 3].map((position) => ({ publicKey: (KEYS[(first + position) % 8] as SigningKey).publicKey, power: 1n })),
  )
  if (!made.ok) throw new Error(made.error.message)
  return made.value
}

export { verifySignature }

interface HeaderOptions {
  readonly epoch?: number
  readonly validators?: ValidatorSet
  readonly next?: ValidatorSet
  readonly parent?: Hash
}

export function headerAt(
  at: number,
  stateRoot: Hash,
  { epoch = 0, validators = setOf(0), next = validators, parent = ZERO_HASH }: HeaderOptions = {},
): Header {
  return {
    version: 1,
    chainId: CHAIN,
    epoch: epoch as never,
    height: height(at),
    parent,
    view: 0 as never,
    proposer: 0 as never,
    timestampMs: 1_000 + at,
    transactionsRoot: ZERO_HASH,
    evidenceRoot: ZERO_HASH,
    lastCertificateHash: ZERO_HASH,
    stateRoot,
    validatorsHash: validators.hash,
    nextValidatorsHash: next.hash,
    totalDifficulty: 0n,
  }
}

/** A chain of headers 1..length, the state roots given by height. */
export function chainTo(length: number, rootAt: (at: number) => Hash): readonly Header[] {
  const headers: Header[] = []
  let parent: Hash = CHAIN
  for (let at = 1; at <= length; at++) {
    const header = headerAt(at, rootAt(at), { parent })
    headers.push(header)
    parent = hashHeader(header)
  }
  return headers
}

export function certify(header: Header, signers: readonly number[] = [0, 1, 2], first = 0): Certificate {
  const ballot = { kind: 'commit' as const, epoch: header.epoch, view: 0 as never, height: header.height, blockHash: hashHeader(header) }
  const bits = signers.reduce((byte, signer) => byte | (1 << signer), 0)
  return {
    ...ballot,
    scheme: 'ed25519',
    signers: { size: 4, bits: Uint8Array.of(bits) },
    signatures: signers.map((signer) => (KEYS[(first + signer) % 8] as SigningKey).sign(ballotBytes(CHAIN, ballot))),
  }
}

export function offerOf(header: Header, links: readonly EpochLink[] = [], certificate: Certificate = certify(header)): SnapshotOffer {
  return { links, header, descendants: [], certificate }
}

export function startOf(validators: ValidatorSet = setOf(0)): EpochStart {
  return { validators, previousValidators: null, origin: { height: height(0), hash: CHAIN } }
}
