/** A small chain for tests: a genesis with the propositional library below, keys, and transactions against it. */
import type { Hash } from '@aethel/codec'
import { height, utf8, validatorIndex } from '@aethel/codec'
import { blsPossessionBytes } from '@aethel/consensus'
import { type BlsKey, blsKey, type SigningKey, signingKey, verifySignature } from '@aethel/crypto'
import { type LibraryDefinition, LibraryExtractor, parseDatabase, TEST_KIND, testClaim } from '@aethel/proofs'
import type { Application, BlockContext } from '@aethel/replica'
import {
  type Action,
  buildTransaction,
  chainIdOf,
  createLedger,
  createRegistry,
  DEFAULT_PARAMETERS,
  encodeTransaction,
  type Genesis,
  type GenesisValidator,
  genesisKinds,
  genesisLibrary,
  type LedgerRegistry,
  type LedgerState,
  type LedgerTransaction,
  signTransaction,
} from '../src/index.js'

/** Implication with modus ponens, and theorems that build on one another. */
export const SOURCE = `
$c ( ) -> wff |- $.
$v p q r $.
wp $f wff p $.  wq $f wff q $.  wr $f wff r $.
wi $a wff ( p -> q ) $.
a1 $a |- ( p -> ( q -> p ) ) $.
a2 $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.
unused $a |- ( ( p -> p ) -> ( p -> p ) ) $.
\${ mp.1 $e |- p $.  mp.2 $e |- ( p -> q ) $.  mp $a |- q $. $}
\${ a1i.1 $e |- p $.
   a1i $p |- ( q -> p ) $= ( wi a1 mp ) ABADCABEF $. $}
\${ a2i.1 $e |- ( p -> ( q -> r ) ) $.
   a2i $p |- ( ( p -> q ) -> ( p -> r ) ) $= ( wi a2 mp ) ABCEEABEACEEDABCFG $. $}
id $p |- ( p -> p ) $= ( wi a1 a2i mp ) AAABBAABAACAAABAAAABCDE $.
`

export function key(index: number): SigningKey {
  return signingKey(new Uint8Array(32).fill(index + 1))
}

/** Made of the same seed as `key(index)`. */
export function bls(index: number): BlsKey {
  return blsKey(new Uint8Array(32).fill(index + 1))
}

/** A validator of a chain of BLS certificates, with the possession of its BLS key. */
export function blsValidator(
  index: number,
  power: bigint,
): GenesisValidator & Required<Pick<GenesisValidator, 'blsKey' | 'blsPossession'>> {
  const { publicKey } = key(index)
  const { publicKey: ownBlsKey, sign } = bls(index)
  return { publicKey, power, blsKey: ownBlsKey, blsPossession: sign(blsPossessionBytes(publicKey, ownBlsKey)) }
}

function must<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

export { must }

const database = must(parseDatabase(utf8(SOURCE)))
export const extractor: LibraryExtractor = new LibraryExtractor(database, 'small')
export const definition: LibraryDefinition = must(extractor.library())

export const genesis: Genesis = {
  chainName: 'test',
  genesisTimeMs: 1_700_000_000_000,
  validators: [0, 1, 2, 3].map((index) => ({ publicKey: key(100 + index).publicKey, power: BigInt(index + 1) })),
  parameters: DEFAULT_PARAMETERS,
  kinds: must(genesisKinds(['metamath/1', 'lrat/1', 'test/1'])),
  libraries: [genesisLibrary(definition)],
}
/** The same chain with BLS certificates. */
export const blsGenesis: Genesis = { ...genesis, validators: [0, 1, 2, 3].map((index) => blsValidator(100 + index, BigInt(index + 1))) }
export const registry: LedgerRegistry = must(createRegistry(genesis, [definition]))
export const chainId: Hash = chainIdOf(genesis)

export function newLedger(): Application<LedgerState> {
  return createLedger(genesis, registry, { verifySignature })
}

export function context(at: number): BlockContext {
  return { height: height(at), timestampMs: genesis.genesisTimeMs + at, proposer: validatorIndex(0) }
}

export function theorem(label: string): Action {
  const { claim, proof } = must(extractor.theorem(label))
  return { type: 'submit-proof', kind: 'metamath/1', claim, proof, metadata: null }
}

export function standAlone(name: string): Action {
  const claim = testClaim({ behaviour: 'valid', gas: 7, nonce: utf8(name) })
  return { type: 'submit-proof', kind: TEST_KIND, claim, proof: utf8('proof'), metadata: null }
}

export function note(text: string): Action {
  return { type: 'note', data: utf8(text) }
}

export function transactionBytes(
  account: number,
  nonce: number,
  action: Action,
  rest: { expiryHeight?: number; gasLimit?: number } = {},
): Uint8Array {
  const signer = key(account)
  return encodeTransaction(signTransaction(buildTransaction({ chainId, sender: signer.publicKey, nonce, action, ...rest }), signer))
}

export function transaction(
  ledger: Application<LedgerState>,
  account: number,
  nonce: number,
  action: Action,
  rest: { expiryHeight?: number; gasLimit?: number } = {},
): LedgerTransaction {
  return must(ledger.decode(transactionBytes(account, nonce, action, rest))) as LedgerTransaction
}
