/**
 * The test vectors of docs/receipts.md, made from the chain in `world.ts`. The same bytes every time: keys are fixed and
 * Ed25519 is deterministic. `vectors.test.ts` compares them with the files, or writes these: see there.
 */
import { epoch, fromHex, type Hash, height, toHex, utf8 } from '@aethel/codec'
import type { Header, SignatureList } from '@aethel/consensus'
import { AuthenticatedMap, claimPath, decodeClaimRecord, encodeClaimRecord, mapKey, proofHashOf } from '@aethel/ledger'
import { createReceipt, encodeReceipt, encodeTrust, type Receipt, type ReceiptPolicy } from '../src/index.js'
import {
  certify,
  first,
  keyAt,
  libraryDigest,
  must,
  second,
  standAlone,
  standAloneId,
  standAloneProof,
  theorem,
  third,
  trust,
  ZERO_HASH,
} from './world.js'

export interface Vector {
  readonly name: string
  /** 'ok' or the code of the refusal. */
  readonly expect: string
  /** Step at which it is refused; absent if accepted. */
  readonly step?: string
  readonly policy?: { readonly kind?: string; readonly claimId?: string; readonly library?: string; readonly withoutAxiom?: string }
  /** Instead of the file's trust root. */
  readonly trust?: string
  /** The file's text. */
  readonly receipt: string
}

export interface TrustVector {
  readonly name: string
  readonly expect: string
  readonly trust: string
}

/** The policy of a vector in the form that `verifyReceipt` takes. */
export function policyOf(vector: Vector): ReceiptPolicy {
  const { claimId, kind, library, withoutAxiom } = vector.policy ?? {}
  return {
    ...(kind === undefined ? {} : { kinds: [kind] }),
    ...(claimId === undefined ? {} : { claimId: must(fromHex(claimId)) as Hash }),
    ...(library === undefined
      ? {}
      : { withoutAxioms: { library: must(fromHex(library)) as Hash, axioms: withoutAxiom === undefined ? [] : [Number(withoutAxiom)] } }),
  }
}

const ALL = [0, 1, 2, 3]
/** The digest of its definition. */
const LIBRARY = toHex(libraryDigest)
const certificate = certify(first.header, ALL)

const base: Receipt = {
  chainId: trust.chainId,
  kind: 'test/1',
  claimId: standAloneId,
  claim: standAlone,
  proofHash: proofHashOf(standAloneProof),
  record: first.state.entries.get(mapKey(claimPath(standAloneId))) as Uint8Array,
  path: first.state.entries.prove(mapKey(claimPath(standAloneId))),
  header: first.header,
  trail: [],
  certificate,
}
const text = encodeReceipt(base)

function withCertificate(change: Partial<SignatureList>): string {
  return encodeReceipt({ ...base, certificate: { ...certificate, ...change } })
}

/** Another header, signed by everybody: what only a dishonest quorum could make. */
function signedHeader(change: Partial<Header>): Pick<Receipt, 'header' | 'certificate'> {
  const header = { ...first.header, ...change }
  return { header, certificate: certify(header, ALL) }
}

/** A state in which the claim's entry is `record`, signed by everybody. */
function signedRecord(record: Uint8Array): Pick<Receipt, 'header' | 'certificate' | 'record' | 'path'> {
  const path = claimPath(standAloneId)
  const map = AuthenticatedMap.empty.update([...first.state.entries.entries()].filter((entry) => toHex(entry.path) !== toHex(path)))
  const forged = map.update([{ key: mapKey(path), path, value: record }])
  return { ...signedHeader({ stateRoot: forged.root }), record, path: forged.prove(mapKey(path)) }
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = (changed[at] as number) ^ 1
  return changed
}

/** The text with one field's value replaced by a function of it. */
function withField(name: string, change: (value: string) => string): string {
  const start = text.indexOf(`"${name}": "`) + name.length + 5
  const end = text.indexOf('"', start)
  return text.slice(0, start) + change(text.slice(start, end)) + text.slice(end)
}

function receiptText(source: Parameters<typeof createReceipt>[0]): string {
  return Buffer.from(must(createReceipt(source))).toString('utf8')
}

function inAnotherOrder(): string {
  const fields = Object.entries(JSON.parse(text) as Record<string, string>).reverse()
  return `\t{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(' ,\r\n')}}`.replace(
    '"test/1"',
    '"t\\u0065st\\/1"',
  )
}

export function goodVectors(): Vector[] {
  const theoremSource = { header: second.header, state: second.state, claimId: theorem.claimId }
  return [
    { name: 'a claim that stands alone, signed by all four', expect: 'ok', receipt: text },
    {
      name: 'a library theorem, signed by two of four with 7 of 10 power',
      expect: 'ok',
      receipt: receiptText({ ...theoremSource, certificate: certify(second.header, [2, 3]) }),
    },
    {
      name: 'a claim of block 1 proven in the state of block 3',
      expect: 'ok',
      receipt: receiptText({
        header: third.header,
        state: third.state,
        claimId: standAloneId,
        claim: standAlone,
        certificate: certify(third.header, ALL),
      }),
    },
    {
      name: 'a block without a certificate of its own: the trail leads to one that has',
      expect: 'ok',
      receipt: receiptText({ ...theoremSource, trail: [third.header], certificate: certify(third.header, [1, 2, 3]) }),
    },
    { name: 'fields in another order, other white space, escapes', expect: 'ok', receipt: inAnotherOrder() },
    {
      name: 'policy: the kind, the claim and an axiom it does not rest on',
      expect: 'ok',
      policy: { kind: 'metamath/1', claimId: toHex(theorem.claimId), library: LIBRARY, withoutAxiom: '2' },
      receipt: receiptText({ ...theoremSource, certificate: certify(second.header, [2, 3]) }),
    },
  ]
}

export function badVectors(): Vector[] {
  const theoremText = receiptText({
    header: second.header,
    state: second.state,
    claimId: theorem.claimId,
    certificate: certify(second.header, [2, 3]),
  })
  const record = must(decodeClaimRecord(base.record))
  const otherChain = new Uint8Array(32).fill(7) as Hash
  const broken = (name: string, expect: string, step: string, receipt: string, policy?: Vector['policy']): Vector => {
    return policy === undefined ? { name, expect, step, receipt } : { name, expect, step, policy, receipt }
  }
  return [
    broken('an empty file', 'json', 'format', ''),
    broken('cut in the middle', 'json', 'format', text.slice(0, 400)),
    broken('bytes after the end', 'json', 'format', `${text}{}`),
    broken('no object', 'format', 'format', '[]'),
    broken('another format', 'format', 'format', text.replace('aethel-receipt/1', 'aethel-receipt/2')),
    broken('a repeated field', 'json-duplicate', 'format', text.replace('"kind": "test/1"', '"kind": "test/1", "kind": "test/1"')),
    broken('a field named __proto__', 'unknown-field', 'format', text.replace('"kind":', '"__proto__": {"kind": "lrat/1"}, "kind":')),
    broken('an unknown field', 'unknown-field', 'format', text.replace('"kind":', '"height": "1", "kind":')),
    broken('a missing field', 'missing-field', 'format', text.replace('"kind": "test/1",', '')),
    broken('a bare number', 'json-number', 'format', text.replace('"kind": "test/1"', '"kind": 9007199254740993')),
    broken(
      'hex in upper case',
      'hex',
      'format',
      withField('header', (value) => value.toUpperCase()),
    ),
    broken(
      'half a byte',
      'hex',
      'format',
      withField('claim', (value) => value.slice(1)),
    ),
    broken(
      'a short chainId',
      'json-shape',
      'format',
      withField('chainId', (value) => value.slice(2)),
    ),
    broken(
      'a byte behind the certificate',
      'trailing',
      'format',
      withField('certificate', (value) => `${value}00`),
    ),
    broken(
      'a byte behind the header',
      'trailing',
      'format',
      withField('header', (value) => `${value}00`),
    ),
    broken(
      'a header cut short',
      'truncated',
      'format',
      withField('header', (value) => value.slice(0, -2)),
    ),
    broken(
      'a header of another version',
      'version',
      'format',
      withField('header', (value) => `0002${value.slice(4)}`),
    ),
    broken(
      'a path whose bits do not increase',
      'map-proof-shape',
      'format',
      encodeReceipt({ ...base, path: { ...base.path, steps: base.path.steps.toReversed() } }),
    ),
    broken(
      'a signer bit beyond the last validator',
      'bitmap',
      'format',
      withField('certificate', (value) => value.replace('00040f00000004', '00041f00000004')),
    ),
    broken('an empty trail', 'trail', 'format', text.replace('"certificate"', '"trail": [], "certificate"')),
    broken('another chain, on the label only', 'chain-id', 'chain', encodeReceipt({ ...base, chainId: otherChain })),
    broken('another chain, in the header only', 'chain-id', 'chain', encodeReceipt({ ...base, ...signedHeader({ chainId: otherChain }) })),
    broken('another epoch', 'epoch', 'header', encodeReceipt({ ...base, ...signedHeader({ epoch: epoch(1) }) })),
    broken('other validators', 'validators', 'header', encodeReceipt({ ...base, ...signedHeader({ validatorsHash: ZERO_HASH }) })),
    broken(
      'a trail that leaves a block out',
      'trail',
      'header',
      encodeReceipt({ ...base, trail: [third.header], certificate: certify(third.header, ALL) }),
    ),
    broken(
      'a trail of blocks of another parent',
      'trail',
      'header',
      encodeReceipt({ ...base, trail: [{ ...second.header, parent: ZERO_HASH }], certificate: certify(second.header, ALL) }),
    ),
    broken(
      'a prepare certificate',
      'certificate-kind',
      'certificate',
      encodeReceipt({ ...base, certificate: certify(first.header, ALL, { kind: 'prepare' }) }),
    ),
    broken(
      'a certificate of the next block',
      'certificate-block',
      'certificate',
      encodeReceipt({ ...base, certificate: certify(second.header, ALL) }),
    ),
    broken(
      'a forged state under a true certificate',
      'certificate-block',
      'certificate',
      encodeReceipt({ ...base, ...signedRecord(encodeClaimRecord({ ...record, gas: 8 })), certificate }),
    ),
    broken(
      'three of four validators with 6 of 10 power',
      'certificate-power',
      'certificate',
      encodeReceipt({ ...base, certificate: certify(first.header, [0, 1, 2]) }),
    ),
    broken('nobody signed', 'certificate-power', 'certificate', encodeReceipt({ ...base, certificate: certify(first.header, []) })),
    broken(
      'one bad signature beside a quorum of good ones',
      'certificate-signature',
      'certificate',
      withCertificate({
        signatures: certificate.signatures.map((signature, index) =>
          index === 0 ? (flipped(signature, 40) as typeof signature) : signature,
        ),
      }),
    ),
    broken(
      'signatures in another order',
      'certificate-signature',
      'certificate',
      withCertificate({ signatures: certificate.signatures.toReversed() }),
    ),
    broken(
      'one signature more than signers',
      'certificate-count',
      'certificate',
      withCertificate({ signatures: [...certificate.signatures, ...certificate.signatures.slice(0, 1)] }),
    ),
    broken(
      'signers of a larger set',
      'certificate-size',
      'certificate',
      withCertificate({ signers: { size: 5, bits: certificate.signers.bits } }),
    ),
    broken(
      'signatures of prepare votes under a commit certificate',
      'certificate-signature',
      'certificate',
      encodeReceipt({ ...base, certificate: certify(first.header, ALL, { signed: { kind: 'prepare' } }) }),
    ),
    broken(
      'signatures made for another chain',
      'certificate-signature',
      'certificate',
      encodeReceipt({ ...base, certificate: certify(first.header, ALL, { signed: { chainId: otherChain } }) }),
    ),
    broken(
      'signatures of outsiders',
      'certificate-signature',
      'certificate',
      encodeReceipt({ ...base, certificate: certify(first.header, ALL, { keys: (index) => keyAt(index + 10) }) }),
    ),
    broken('a certificate that says another epoch', 'certificate-epoch', 'certificate', withCertificate({ epoch: epoch(1) })),
    broken('a changed record', 'map-proof-root', 'state', encodeReceipt({ ...base, record: flipped(base.record, 100) })),
    broken(
      'a changed sibling in the path',
      'map-proof-root',
      'state',
      encodeReceipt({
        ...base,
        path: { ...base.path, steps: base.path.steps.map((step) => ({ ...step, sibling: flipped(step.sibling, 0) as Hash })) },
      }),
    ),
    broken(
      'the path of a state with another root',
      'map-proof-root',
      'state',
      encodeReceipt({ ...base, path: third.state.entries.prove(mapKey(claimPath(standAloneId))) }),
    ),
    broken(
      'a path that proves absence',
      'map-proof-shape',
      'state',
      encodeReceipt({ ...base, path: first.state.entries.prove(mapKey(claimPath(theorem.claimId))) }),
    ),
    broken(
      'another claimId than the record is filed under',
      'map-proof-root',
      'state',
      encodeReceipt({ ...base, claimId: flipped(standAloneId, 31) as Hash }),
    ),
    broken('a record that is none', 'record', 'record', encodeReceipt({ ...base, ...signedRecord(utf8('no record')) })),
    broken(
      'a record with the status byte of no verdict',
      'record',
      'record',
      encodeReceipt({ ...base, ...signedRecord(flipped(base.record, 1)) }),
    ),
    broken(
      'a record of another claim',
      'record-claim',
      'record',
      encodeReceipt({ ...base, ...signedRecord(encodeClaimRecord({ ...record, claimId: ZERO_HASH })) }),
    ),
    broken(
      'a record from a later block than the header',
      'record-height',
      'record',
      encodeReceipt({ ...base, ...signedRecord(encodeClaimRecord({ ...record, height: height(2) })) }),
    ),
    broken('another kind than the record says', 'record-kind', 'record', encodeReceipt({ ...base, kind: 'lrat/1' })),
    broken('another proof hash than the record says', 'record-proof', 'record', encodeReceipt({ ...base, proofHash: ZERO_HASH })),
    broken('other claim bytes', 'claim-id', 'claim', encodeReceipt({ ...base, claim: flipped(standAlone, standAlone.length - 1) })),
    broken('no claim bytes', 'claim-id', 'claim', encodeReceipt({ ...base, claim: new Uint8Array(0) })),
    broken('policy: another kind', 'policy-kind', 'policy', text, { kind: 'lrat/1' }),
    broken('policy: another claim', 'policy-claim', 'policy', text, { claimId: toHex(theorem.claimId) }),
    broken('policy: an axiom the theorem rests on', 'policy-axiom', 'policy', theoremText, { library: LIBRARY, withoutAxiom: '1' }),
    broken('policy: an axiom of another library, by the same number', 'policy-axiom', 'policy', theoremText, {
      library: toHex(ZERO_HASH),
      withoutAxiom: '2',
    }),
    broken('policy: axioms, of a claim that has no library', 'policy-axiom', 'policy', text, { library: LIBRARY, withoutAxiom: '1' }),
  ]
}

export function trustVectors(): TrustVector[] {
  const good = encodeTrust(trust)
  return [
    { name: 'four validators', expect: 'ok', trust: good },
    { name: 'compact', expect: 'ok', trust: JSON.stringify(JSON.parse(good)) },
    { name: 'power as a bare number', expect: 'json-number', trust: good.replace('"power": "1"', '"power": 1') },
    { name: 'power with a leading zero', expect: 'json-integer', trust: good.replace('"power": "1"', '"power": "01"') },
    { name: 'power 0', expect: 'power', trust: good.replace('"power": "1"', '"power": "0"') },
    { name: 'power beyond 2^53, kept exactly', expect: 'ok', trust: good.replace('"power": "1"', '"power": "9007199254740993"') },
    { name: 'power beyond 2^96', expect: 'power', trust: good.replace('"power": "1"', '"power": "79228162514264337593543950336"') },
    { name: 'one key twice', expect: 'duplicate-key', trust: good.replace(toHex(keyAt(1).publicKey), toHex(keyAt(0).publicKey)) },
    { name: 'no validators', expect: 'validator-count', trust: `${good.slice(0, good.indexOf('['))}[]}` },
    { name: 'another format', expect: 'format', trust: good.replace('aethel-trust/1', 'aethel-trust/9') },
    { name: 'a repeated field', expect: 'json-duplicate', trust: good.replace('"epoch": "0"', '"epoch": "0", "epoch": "1"') },
    { name: 'a field named __proto__', expect: 'unknown-field', trust: good.replace('"epoch": "0"', '"epoch": "0", "__proto__": {}') },
    { name: 'a missing field', expect: 'missing-field', trust: good.replace('"epoch": "0",', '') },
    { name: 'a length of epochs', expect: 'ok', trust: good.replace('"epoch": "0"', '"epochLength": "100", "epoch": "3"') },
    {
      name: 'a length of epochs of 0, which is left out',
      expect: 'epoch-length',
      trust: good.replace('"epoch": "0"', '"epochLength": "0", "epoch": "0"'),
    },
    {
      name: 'a length of epochs beyond 2^32',
      expect: 'json-integer',
      trust: good.replace('"epoch": "0"', '"epochLength": "4294967297", "epoch": "0"'),
    },
    { name: 'a receipt instead of a trust root', expect: 'format', trust: text },
    { name: 'a key of 31 bytes', expect: 'json-shape', trust: good.replace(toHex(keyAt(0).publicKey), toHex(keyAt(0).publicKey).slice(2)) },
  ]
}
