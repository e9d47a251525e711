/** A chain of three blocks made by four keys known to everybody: what the vectors and the tests have receipts of. */
import { type Hash, height, utf8, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  assembleCertificate,
  type Ballot,
  ballotBytes,
  evidenceRootOf,
  type Header,
  hashHeader,
  lastCertificateHashOf,
  type SignatureList,
  transactionsRootOf,
  type Vote,
} from '@aethel/consensus'
import { type SigningKey, signingKey, verifySignature } from '@aethel/crypto'
import {
  type Action,
  buildTransaction,
  chainIdOf,
  claimIdOf,
  createLedger,
  createRegistry,
  DEFAULT_PARAMETERS,
  encodeTransaction,
  type Genesis,
  genesisKinds,
  genesisLibrary,
  genesisValidators,
  type LedgerState,
  signTransaction,
} from '@aethel/ledger'
import { LibraryExtractor, parseDatabase, testClaim } from '@aethel/proofs'
import type { TrustRoot } from '../src/index.js'

const SOURCE = `
$c ( ) -> wff |- $.  $v p q r $.
wp $f wff p $.  wq $f wff q $.  wr $f wff r $.
wi $a wff ( p -> q ) $.
a1 $a |- ( p -> ( q -> p ) ) $.
a2 $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.
\${ mp.1 $e |- p $.  mp.2 $e |- ( p -> q ) $.  mp $a |- q $. $}
\${ a1i.1 $e |- p $.  a1i $p |- ( q -> p ) $= ( wi a1 mp ) ABADCABEF $. $}
`

export function must<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

export function keyAt(index: number): SigningKey {
  return signingKey(new Uint8Array(32).fill(index + 1))
}

const extractor = new LibraryExtractor(must(parseDatabase(utf8(SOURCE))), 'small')
const definition = must(extractor.library())
export const theorem = must(extractor.theorem('a1i'))
export const standAlone = testClaim({ behaviour: 'valid', gas: 7, nonce: utf8('receipt') })
export const standAloneId: Hash = claimIdOf('test/1', standAlone)
export const standAloneProof = utf8('the proof bytes of a test claim are not read')

/** Powers 1, 2, 3 and 4: three of four validators may be too few, and two may be enough. */
export const genesis: Genesis = {
  chainName: 'vectors',
  genesisTimeMs: 1_700_000_000_000,
  validators: [0, 1, 2, 3].map((index) => ({ publicKey: keyAt(index).publicKey, power: BigInt(index + 1) })),
  parameters: { ...DEFAULT_PARAMETERS, maxBlobBytes: 0 },
  kinds: must(genesisKinds(['metamath/1', 'test/1'])),
  libraries: [genesisLibrary(definition)],
}
export const chainId: Hash = chainIdOf(genesis)
export const trust: TrustRoot = { chainId, validators: must(genesisValidators(genesis)), epochLength: 0 }
export const registry = must(createRegistry(genesis, [definition]))
/** Of the library that the theorem is of. */
export const libraryDigest: Hash = registry.libraries[0]?.digest as Hash
export const ledger = createLedger(genesis, registry, { verifySignature })

export interface TestBlock {
  readonly header: Header
  readonly state: LedgerState
}

const submitter = keyAt(50)

function blockOn(parent: { hash: Hash; height: number; state: LedgerState }, nonce: number, actions: readonly Action[]): TestBlock {
  const at = parent.height + 1
  const transactions = actions.map((action, index) => {
    return encodeTransaction(
      signTransaction(buildTransaction({ chainId, sender: submitter.publicKey, nonce: nonce + index, action }), submitter),
    )
  })
  const context = { height: height(at), timestampMs: genesis.genesisTimeMs + 1000 * at, proposer: validatorIndex(0) }
  const inputs = transactions.map((bytes) => {
    const transaction = must(ledger.decode(bytes))
    return { transaction, difficulty: transaction.work === null ? 0 : transaction.work.kind === 'test/1' ? 7 : 1234 }
  })
  const executed = must(ledger.execute(parent.state, context, inputs))
  const header: Header = {
    version: 1,
    chainId,
    epoch: trust.validators.epoch,
    height: height(at),
    parent: parent.hash,
    view: view(0),
    proposer: validatorIndex(0),
    timestampMs: context.timestampMs,
    transactionsRoot: transactionsRootOf(transactions),
    evidenceRoot: evidenceRootOf([]),
    lastCertificateHash: lastCertificateHashOf(null),
    stateRoot: executed.stateRoot,
    validatorsHash: trust.validators.hash,
    nextValidatorsHash: trust.validators.hash,
    totalDifficulty: inputs.reduce((sum, input) => sum + BigInt(input.difficulty), 0n),
  }
  return { header, state: executed.state }
}

function submit(kind: string, claim: Uint8Array, proof: Uint8Array): Action {
  return { type: 'submit-proof', kind, claim, proof, metadata: null }
}

export const first = blockOn({ hash: chainId, height: 0, state: ledger.initial.state }, 0, [submit('test/1', standAlone, standAloneProof)])
export const second = blockOn({ hash: hashHeader(first.header), height: 1, state: first.state }, 1, [
  submit('metamath/1', theorem.claim, theorem.proof),
])
export const third = blockOn({ hash: hashHeader(second.header), height: 2, state: second.state }, 2, [
  { type: 'note', data: utf8('a note') },
])

export interface Signing {
  readonly kind?: 'prepare' | 'commit'
  /** What the signers sign instead of the certificate's own ballot. */
  readonly signed?: Partial<Ballot> & { readonly chainId?: Hash }
  /** Keys used instead of the validators' own. */
  readonly keys?: (index: number) => SigningKey
}

export function certify(header: Header, signers: readonly number[], signing: Signing = {}): SignatureList {
  const { chainId: signedChain = header.chainId, ...change } = signing.signed ?? {}
  const ballot: Ballot = {
    kind: signing.kind ?? 'commit',
    epoch: header.epoch,
    view: view(0),
    height: header.height,
    blockHash: hashHeader(header),
  }
  const votes = signers.map((index): Vote => {
    const signature = (signing.keys ?? keyAt)(index).sign(ballotBytes(signedChain, { ...ballot, ...change }))
    return { ...ballot, sender: validatorIndex(index), signature }
  })
  return assembleCertificate(ballot, trust.validators.validators.length, votes) as SignatureList
}

export { ZERO_HASH }
