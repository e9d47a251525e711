/**
 * The chain, kept by hand: from what is in the committed blocks alone, what every entry of the state must be, and from these the root by its
 * definition (plain-root.ts). Nonces follow one another, a claim and a label are final once, and what a theorem cites was final before.
 * Of the ledger's code only the forms of records are used.
 */
import { encode, epoch, equalBytes, type Hash, type Height, keyOf, type PublicKey, utf8 } from '@aethel/codec'
import { type Block, createValidatorSet, decodeEvidence, isBoundary, MAX_EVIDENCE_AGE, type ValidatorSet } from '@aethel/consensus'
import {
  accountPath,
  CURRENT_VALIDATORS_PATH,
  claimPath,
  decodeTransaction,
  encodeAccountRecord,
  encodeClaimRecord,
  encodeEpochMembers,
  encodeLibraryRecord,
  encodeNextMembers,
  encodeOffenceRecord,
  type Genesis,
  type GenesisLibrary,
  genesisLibrary,
  libraryPath,
  type Member,
  type NewBlsKey,
  mapKey,
  NEXT_VALIDATORS_PATH,
  offencePath,
  PARAMETERS_PATH,
  PREVIOUS_VALIDATORS_PATH,
  proofHashOf,
  type RecordedOffence,
  type SignedTransaction,
  type SubmitProof,
  type UpdateValidators,
  writeParameters,
} from '@aethel/ledger'
import { claimIdOf, libraryAxioms, METAMATH_KIND, metamathVerifier, readMetamathClaim } from '@aethel/proofs'
import { transactionIdOf } from '@aethel/replica'
import { demand } from '../violation.js'
import { must } from './chain.js'
import { LIBRARY } from './library.js'
import { PlainMap } from './plain-root.js'

export interface BooksOptions {
  readonly genesis: Genesis
  /** Of an epoch that has begun. */
  validatorsOf(epoch: number): ValidatorSet
  gasOf(transaction: Uint8Array): number
}

/** A final claim that others may cite. */
interface Cited {
  /** Positions of axioms. */
  readonly axioms: ReadonlySet<number>
}

export class Books {
  readonly #options: BooksOptions
  readonly #entries = new PlainMap()
  readonly #statements = new PlainMap()
  readonly #labels = new PlainMap()
  readonly #taken = new Set<string>()
  readonly #library: GenesisLibrary = genesisLibrary(LIBRARY)
  #theorems = 0
  /** By `keyOf` the account. */
  readonly #nonces = new Map<string, number>()
  /** By `keyOf` the claim id: where it became final. */
  readonly #claims = new Map<string, number>()
  readonly #citable = new Map<string, Cited>()
  /** By `keyOf` the validator's key. */
  readonly #offences = new Map<string, { count: number; readonly first: Height; recent: RecordedOffence[] }>()
  #members: readonly Member[]
  #next: { readonly sequence: number; readonly seat: number; readonly members: readonly Member[] }

  constructor(options: BooksOptions) {
    this.#options = options
    const { genesis } = options
    this.#put(
      PARAMETERS_PATH,
      encode((writer) => writeParameters(writer, genesis.parameters)),
    )
    for (const [position, { label, claimId }] of must(libraryAxioms(LIBRARY)).entries()) {
      this.#citable.set(keyOf(claimId), { axioms: new Set([position]) })
      this.#addLabel(label, claimId, LIBRARY.axioms[position] as Uint8Array)
    }
    this.#members = genesis.validators.map(({ blsPossession: _, ...validator }, seat) => ({
      ...validator,
      seat,
      account: validator.publicKey,
      contact: null,
    }))
    this.#next = { sequence: 0, seat: this.#members.length, members: this.#members }
    if (genesis.parameters.epochLength > 0) {
      this.#put(CURRENT_VALIDATORS_PATH, encodeEpochMembers({ epoch: epoch(0), members: this.#members }))
      this.#writeNext()
    }
    this.#writeLibrary()
  }

  get root(): Hash {
    return this.#entries.root
  }

  get statementsRoot(): Hash {
    return this.#statements.root
  }

  /** The next block of the chain; its root must be the one in its header. */
  enter(block: Block): void {
    const { header, body } = block
    for (const evidence of body.evidence) this.#enterOffence(evidence, header.height)
    for (const bytes of body.transactions) this.#enterTransaction(bytes, block)
    this.#writeLibrary()
    if (isBoundary(this.#options.genesis.parameters.epochLength, header.height)) this.#beginEpoch(block)
    demand(
      'state-root',
      equalBytes(this.root, header.stateRoot),
      () => `the root in the header of height ${header.height} is not the one that its transactions lead to`,
    )
  }

  #put(path: Uint8Array, value: Uint8Array): void {
    this.#entries.put(mapKey(path), value)
  }

  // --- transactions -------------------------------------------------------------------------------------------------

  #enterTransaction(bytes: Uint8Array, block: Block): void {
    const { height } = block.header
    const decoded = decodeTransaction(bytes)
    demand('validity', decoded.ok, () => `height ${height} holds what is no transaction`)
    const transaction = decoded.value
    const key = keyOf(transaction.sender)
    const nonce = this.#nonces.get(key) ?? 0
    demand(
      'exactly-once',
      transaction.nonce === nonce,
      () => `height ${height}: an account's nonce is ${transaction.nonce}, and its next was ${nonce}`,
    )
    this.#nonces.set(key, nonce + 1)
    this.#put(accountPath(transaction.sender), encodeAccountRecord({ nonce: nonce + 1 }))
    const { action } = transaction
    if (action.type === 'submit-proof') this.#enterClaim(action, transaction, bytes, block)
    if (action.type === 'update-validators') this.#enterUpdate(action)
  }

  #enterClaim(action: SubmitProof, transaction: SignedTransaction, bytes: Uint8Array, { header }: Block): void {
    const { kind, claim, proof, blob } = action
    const claimId = claimIdOf(kind, claim)
    const key = keyOf(claimId)
    const before = this.#claims.get(key)
    demand('exactly-once', before === undefined, () => `a claim is final at height ${header.height}, and was at ${before}`)
    this.#claims.set(key, header.height)
    const library = kind === METAMATH_KIND ? this.#enterTheorem(action, claimId, header.height) : null
    const record = encodeClaimRecord({
      status: 'valid',
      kind,
      claimId,
      proofHash: blob?.root ?? proofHashOf(proof),
      proofBytes: blob?.bytes ?? proof.length,
      gas: this.#options.gasOf(bytes),
      height: header.height,
      timestampMs: header.timestampMs,
      transactionId: transactionIdOf(bytes),
      sender: transaction.sender,
      library,
    })
    this.#put(claimPath(claimId), record)
  }

  /** Its place in the library: what it rests on is what the claims that it cites rest on. */
  #enterTheorem({ claim, proof }: SubmitProof, claimId: Hash, height: Height) {
    const { label } = must(readMetamathClaim(claim))
    const verifier = metamathVerifier([LIBRARY])
    const cites = must(verifier.citationsOf(must(verifier.parseClaim(claim)).claim, proof))
    const axioms = new Set<number>()
    for (const { claimId: cited, name } of cites) {
      const known = this.#citable.get(keyOf(cited))
      demand('validity', known !== undefined, () => `height ${height}: the theorem ${label} cites ${name}, which is not final`)
      for (const axiom of known.axioms) axioms.add(axiom)
    }
    demand('exactly-once', !this.#taken.has(label), () => `height ${height}: the label ${label} is taken`)
    this.#citable.set(keyOf(claimId), { axioms })
    this.#theorems++
    this.#addLabel(label, claimId, claim)
    return { ...this.#library, label, axioms: [...axioms].sort((a, b) => a - b) }
  }

  #addLabel(label: string, claimId: Hash, statement: Uint8Array): void {
    this.#taken.add(label)
    this.#labels.put(mapKey(utf8(label)), claimId)
    this.#statements.put(claimId, statement)
  }

  #writeLibrary(): void {
    const { name, digest } = this.#library
    const axioms = LIBRARY.axioms.length
    this.#put(libraryPath(name), encodeLibraryRecord({ digest, axioms, theorems: this.#theorems, root: this.#labels.root }))
  }

  // --- offences -----------------------------------------------------------------------------------------------------

  #enterOffence(bytes: Uint8Array, at: Height): void {
    const { evidence } = must(decodeEvidence(bytes))
    const vote = evidence.type === 'equivocation' ? evidence.first : evidence.vote
    const { publicKey } = this.#options.validatorsOf(vote.epoch).validators[vote.sender] as { readonly publicKey: PublicKey }
    const key = keyOf(publicKey)
    const record = this.#offences.get(key) ?? { count: 0, first: at, recent: [] }
    record.count++
    record.recent = record.recent.filter(({ height }) => height >= at - MAX_EVIDENCE_AGE)
    record.recent.push({ type: evidence.type, epoch: vote.epoch, view: vote.view, height: vote.height, kind: vote.kind })
    record.recent.sort((one, other) => rankOf(one) - rankOf(other))
    this.#offences.set(key, record)
    this.#put(offencePath(publicKey), encodeOffenceRecord({ count: record.count, firstHeight: record.first, recent: record.recent }))
  }

  // --- validators ---------------------------------------------------------------------------------------------------

  #enterUpdate({ sequence, changes }: UpdateValidators): void {
    demand('exactly-once', sequence === this.#next.sequence, () => `update ${sequence} of the validators came for ${this.#next.sequence}`)
    let { seat, members } = this.#next
    for (const change of changes) {
      const { account } = change
      switch (change.change) {
        case 'join': {
          const { publicKey, power, contact } = change
          members = [...members, { seat: seat++, account, publicKey, power, contact, ...blsKeyIn(change) }]
          break
        }
        case 'leave':
          members = members.filter((member) => !equalBytes(member.account, account))
          break
        case 'power':
          members = members.map((member) => (equalBytes(member.account, account) ? { ...member, power: change.power } : member))
          break
        case 'key':
          members = members.map((member) =>
            equalBytes(member.account, account) ? { ...member, publicKey: change.publicKey, ...blsKeyIn(change) } : member,
          )
          break
        case 'contact':
          break // nobody here has one
      }
    }
    this.#next = { sequence: sequence + 1, seat, members }
    this.#writeNext()
  }

  #writeNext(): void {
    const { sequence, seat, members } = this.#next
    this.#put(NEXT_VALIDATORS_PATH, encodeNextMembers({ sequence, nextSeat: seat, members }))
  }

  #beginEpoch({ header }: Block): void {
    this.#put(PREVIOUS_VALIDATORS_PATH, encodeEpochMembers({ epoch: header.epoch, members: this.#members }))
    this.#members = this.#next.members
    const next = epoch(header.epoch + 1)
    this.#put(CURRENT_VALIDATORS_PATH, encodeEpochMembers({ epoch: next, members: this.#members }))
    const set = must(createValidatorSet(next, this.#members))
    demand(
      'header',
      equalBytes(set.hash, header.nextValidatorsHash),
      () => `height ${header.height} names other validators than governance has made`,
    )
  }
}

const KINDS: readonly string[] = ['prepare', 'commit']
const TYPES: readonly string[] = ['equivocation', 'invalid-verification']

/** By epoch, height, view, kind of vote and type of offence, each of which is small here. */
function rankOf({ epoch: of, height, view, kind, type }: RecordedOffence): number {
  return (((of * 65_536 + height) * 65_536 + view) * 2 + KINDS.indexOf(kind)) * 2 + TYPES.indexOf(type)
}

/** A validator keeps its BLS key until it changes its keys. */
function blsKeyIn({ bls }: { readonly bls?: NewBlsKey }): Pick<Member, 'blsKey'> {
  return bls === undefined ? {} : { blsKey: bls.key }
}
