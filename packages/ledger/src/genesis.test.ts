import { type BlsPublicKey, type BlsSignature, epoch, height, toHex, utf8, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import { assembleCertificate, ballotBytes, blsPossessionBytes, createValidatorSet, type Vote, verifyCertificate } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { infinity, rogueKey } from '../../crypto/test/rogue.js'
import { bls, blsGenesis, blsValidator, chainId, definition, genesis, key, must } from '../test/chain.js'
import {
  chainIdOf,
  checkGenesis,
  createRegistry,
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  type GenesisValidator,
  genesisFromJson,
  genesisTip,
  genesisToJson,
  genesisValidators,
  MAX_CHAIN_VALIDATORS,
} from './index.js'
import { jsonBigint, jsonInteger, readJson } from './strict-json.js'

function codeOf(text: string): string {
  const result = genesisFromJson(utf8(text))
  return result.ok ? 'accepted' : result.error.code
}

describe('genesis', () => {
  it('is the same in binary and in JSON, and hashes to the chain id', () => {
    expect(decodeGenesis(encodeGenesis(genesis))).toEqual({ ok: true, value: genesis })
    expect(genesisFromJson(utf8(genesisToJson(genesis)))).toEqual({ ok: true, value: genesis })
    expect(genesisTip(genesis)).toEqual({ height: 0, hash: chainIdOf(genesis), timestampMs: genesis.genesisTimeMs })
  })

  it('has a chain id that depends on every field', () => {
    const variants: Genesis[] = [
      genesis,
      { ...genesis, chainName: 'other' },
      { ...genesis, genesisTimeMs: 1 },
      { ...genesis, validators: genesis.validators.slice(1) },
      { ...genesis, validators: genesis.validators.toReversed() },
      { ...genesis, kinds: genesis.kinds.slice(1) },
      { ...genesis, libraries: [] },
      ...Object.keys(genesis.parameters).map(
        (name) => ({ ...genesis, parameters: { ...genesis.parameters, [name]: name === 'mempoolOrder' ? 'fifo' : 7 } }) as Genesis,
      ),
    ]
    expect(new Set(variants.map((variant) => toHex(chainIdOf(variant)))).size).toBe(variants.length)
  })

  it('refuses bytes that are cut, lengthened or changed, or are another genesis', () => {
    const bytes = encodeGenesis(genesis)
    for (let length = 0; length < bytes.length; length++) expect(decodeGenesis(bytes.slice(0, length)).ok).toBe(false)
    expect(decodeGenesis(Uint8Array.from([...bytes, 0])).ok).toBe(false)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice()
        changed[at] = (changed[at] as number) ^ change
        const decoded = decodeGenesis(changed)
        if (decoded.ok) expect(encodeGenesis(decoded.value)).toEqual(changed)
        if (decoded.ok) expect(toHex(chainIdOf(decoded.value))).not.toBe(toHex(chainId))
      }),
    )
  })

  it('refuses an absurd genesis with a code', () => {
    const codes = (change: Partial<Genesis>) => {
      const result = checkGenesis({ ...genesis, ...change })
      return result.ok ? 'accepted' : result.error.code
    }
    expect(codes({ validators: [] })).toBe('validator-count')
    expect(codes({ validators: [...genesis.validators, ...genesis.validators] })).toBe('duplicate-key')
    expect(codes({ validators: [{ publicKey: key(1).publicKey, power: 0n }] })).toBe('power')
    expect(codes({ chainName: '' })).toBe('genesis-name')
    expect(codes({ chainName: 'a b' })).toBe('genesis-name')
    expect(codes({ kinds: genesis.kinds.toReversed() })).toBe('genesis-order')
    expect(codes({ kinds: [...genesis.kinds, ...genesis.kinds] })).toBe('genesis-order')
    expect(codes({ parameters: { ...genesis.parameters, window: 0 } })).toBe('genesis-parameters')
    expect(codes({ parameters: { ...genesis.parameters, window: 65 } })).toBe('genesis-parameters')
    expect(codes({ parameters: { ...genesis.parameters, maxProofBytes: 1 << 30 } })).toBe('genesis-parameters')
  })

  it('G2, G3: refuses JSON that other readers would take in two ways', () => {
    const text = genesisToJson(genesis)
    expect(codeOf(text)).toBe('accepted')
    expect(codeOf(text.replace('"chainName": "test"', '"chainName": "test", "chainName": "test"'))).toBe('json-duplicate')
    expect(codeOf(text.replace('"chainName": "test"', '"chainName": "test", "__proto__": {"chainName": "evil"}'))).toBe('unknown-field')
    expect(codeOf(text.replace('"chainName": "test",', ''))).toBe('missing-field')
    expect(codeOf(text.replace('"chainName": "test"', '"chainName": "tests"'))).toBe('chain-id')
    expect(codeOf(text.replace('"power": "1"', '"power": 1'))).toBe('json-number')
    expect(codeOf(text.replace('"power": "1"', '"power": "01"'))).toBe('json-integer')
    expect(codeOf(text.replace('"power": "1"', '"power": "+1"'))).toBe('json-integer')
    expect(codeOf(text.replace('"difficulty"', '"random"'))).toBe('genesis-parameters')
    expect(codeOf(text.replace('aethel-genesis/1', 'aethel-genesis/2'))).toBe('format')
    expect(codeOf(text.replace(toHex(key(100).publicKey), toHex(key(100).publicKey).toUpperCase()))).toBe('hex')
    expect(codeOf(`${text}x`)).toBe('json')
    expect(codeOf('[')).toBe('json')
    expect(codeOf('['.repeat(100_000))).toBe('json-depth')
    expect(codeOf('')).toBe('json')
  })

  it('G1: integers beyond 2^53 are kept exactly or refused, never rounded', () => {
    const read = (text: string) => readJson(utf8(JSON.stringify(text)), 1000, (json) => jsonBigint(json, 'x'))
    expect(read('9007199254740993')).toEqual({ ok: true, value: 9007199254740993n })
    expect(read('340282366920938463463374607431768211455')).toEqual({ ok: true, value: 2n ** 128n - 1n })
    expect(read('340282366920938463463374607431768211456').ok).toBe(false)
    const small = (text: string) => readJson(utf8(JSON.stringify(text)), 1000, (json) => jsonInteger(json, 'x', Number.MAX_SAFE_INTEGER))
    expect(small('9007199254740991')).toEqual({ ok: true, value: 9007199254740991 })
    expect(small('9007199254740992').ok).toBe(false)
    expect(small('').ok).toBe(false)
  })

  it('G3: the strict reader agrees with JSON.parse on every text of strings, lists and objects', () => {
    const plain = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'grapheme' }),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
      ),
    })).value
    const toPlain = (json: unknown): unknown => {
      if (json instanceof Map) return Object.fromEntries([...json].map(([name, value]) => [name, toPlain(value)]))
      return Array.isArray(json) ? json.map(toPlain) : json
    }
    fc.assert(
      fc.property(plain, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const read = readJson(utf8(text), 1_000_000, toPlain)
        if (read.ok) expect(read.value).toEqual(JSON.parse(text))
        else expect(['json-depth', 'json']).toContain(read.error.code)
      }),
    )
    for (const text of ['"\\ud800"', '"\\u12"', '"\\x"', '"a\nb"', '"a', '{"a" 1}', '{"a":true,}', '[true,]', 'tru', '"\\u00g0"']) {
      expect(readJson(utf8(text), 100, (json) => json).ok).toBe(false)
    }
    expect(readJson(utf8('"\\ud83d\\ude00\\n\\u0041"'), 100, (json) => json)).toEqual({ ok: true, value: '😀\nA' })
  })

  it('pins kinds and libraries: a program or definition that differs is refused', () => {
    const code = (changed: Genesis, definitions = [definition]) => {
      const result = createRegistry(changed, definitions)
      return result.ok ? 'accepted' : result.error.code
    }
    expect(code(genesis)).toBe('accepted')
    expect(code(genesis, [])).toBe('library-missing')
    expect(code(genesis, [{ ...definition, constants: [...definition.constants, 'more'] }])).toBe('library-digest')
    expect(code(genesis, [definition, { ...definition, name: 'second' }])).toBe('library-unlisted')
    expect(code({ ...genesis, kinds: [...genesis.kinds, { kind: 'zzz/1', revision: 1 }] })).toBe('unknown-kind')
    expect(code({ ...genesis, kinds: genesis.kinds.map((kind) => ({ ...kind, revision: 2 })) })).toBe('kind-revision')
    const withoutTests = must(createRegistry({ ...genesis, kinds: genesis.kinds.filter((kind) => kind.kind !== 'test/1') }, [definition]))
    expect(withoutTests.kinds.map((kind) => kind.verifier.kind)).toEqual(['lrat/1', 'metamath/1'])
  })
})

describe('genesis of a chain of BLS certificates', () => {
  const [first] = blsGenesis.validators as [Required<GenesisValidator>]
  const withFirst = (change: Partial<Record<keyof GenesisValidator, unknown>>): Genesis => {
    const changed = Object.entries({ ...first, ...change }).filter(([, value]) => value !== undefined)
    return { ...blsGenesis, validators: [Object.fromEntries(changed) as unknown as GenesisValidator, ...blsGenesis.validators.slice(1)] }
  }
  /** As a reader of the file and as whoever makes one is told. */
  const codes = (bad: Genesis): string[] => [checkGenesis(bad), genesisFromJson(utf8(genesisToJson(bad)))].map(codeIn)
  const codeIn = (result: { ok: true } | { ok: false; error: { code: string } }): string => (result.ok ? 'accepted' : result.error.code)

  it('is the same in binary and in JSON, with epochs, kinds from outside and blobs or without: versions 9 to 16', () => {
    const versions = new Set<number>()
    const ids = new Set<string>()
    for (const epochLength of [0, 4]) {
      for (const maxBlobBytes of [0, 1_000_000]) {
        for (const digest of [undefined, chainId]) {
          const made: Genesis = {
            ...blsGenesis,
            parameters: { ...blsGenesis.parameters, epochLength, maxBlobBytes },
            kinds: digest === undefined ? blsGenesis.kinds : [...blsGenesis.kinds, { kind: 'zzz/1', revision: 1, digest }],
          }
          const bytes = encodeGenesis(made)
          versions.add((bytes[0] as number) * 256 + (bytes[1] as number))
          ids.add(toHex(chainIdOf(made)))
          expect(decodeGenesis(bytes)).toEqual({ ok: true, value: made })
          expect(genesisFromJson(utf8(genesisToJson(made)))).toEqual({ ok: true, value: made })
        }
      }
    }
    expect([...versions].sort((a, b) => a - b)).toEqual([9, 10, 11, 12, 13, 14, 15, 16])
    expect(ids.size).toBe(8)
    expect(must(genesisValidators(blsGenesis)).scheme).toBe('bls12-381')
    expect(must(genesisValidators(genesis)).scheme).toBe('ed25519')
  })

  it('says whom votes go to, if it does, in binary and in JSON: versions 17 to 32', () => {
    const versions = new Set<number>()
    const ids = new Set([toHex(chainIdOf(blsGenesis)), toHex(chainIdOf(genesis))])
    for (const base of [genesis, blsGenesis])
      for (const maxBlobBytes of [0, 1_000_000])
        for (const dissemination of base === genesis ? (['mesh'] as const) : (['mesh', 'collectors', 'tree'] as const)) {
          const made: Genesis = { ...base, parameters: { ...base.parameters, maxBlobBytes, dissemination } }
          const bytes = encodeGenesis(made)
          versions.add((bytes[0] as number) * 256 + (bytes[1] as number))
          ids.add(toHex(chainIdOf(made)))
          expect(decodeGenesis(bytes)).toEqual({ ok: true, value: made })
          expect(genesisFromJson(utf8(genesisToJson(made)))).toEqual({ ok: true, value: made })
        }
    expect([...versions].sort((a, b) => a - b)).toEqual([17, 21, 25, 29])
    expect(ids.size).toBe(2 + 8)
  })

  it('nothing is collected where certificates are lists, and no other way is known', () => {
    for (const dissemination of ['collectors', 'tree'] as const)
      expect(codes({ ...genesis, parameters: { ...genesis.parameters, dissemination } })).toEqual(['dissemination', 'dissemination'])
    const json = genesisToJson({ ...blsGenesis, parameters: { ...blsGenesis.parameters, dissemination: 'tree' } })
    for (const other of ['auto', 'star', '']) expect(codeOf(json.replace('"tree"', JSON.stringify(other)))).toBe('json-shape')
    const bytes = encodeGenesis({ ...blsGenesis, parameters: { ...blsGenesis.parameters, maxBlobBytes: 0, dissemination: 'tree' } })
    const plain = encodeGenesis({ ...blsGenesis, parameters: { ...blsGenesis.parameters, maxBlobBytes: 0 } })
    const at = bytes.findIndex((byte, index) => index > 1 && byte !== plain[index])
    for (const code of [0, 4, 255])
      expect(codeIn(decodeGenesis(bytes.map((byte, index) => (index === at ? code : byte))))).toBe('dissemination')
  })

  it('has another chain id than without, and one that depends on each BLS key and possession', () => {
    const other = blsValidator(150, 1n)
    const variants = [genesis, blsGenesis, withFirst({ blsKey: other.blsKey }), withFirst({ blsPossession: other.blsPossession })]
    expect(new Set(variants.map((variant) => toHex(chainIdOf(variant)))).size).toBe(variants.length)
  })

  it('a version beyond the last, and bytes cut or lengthened, are refused', () => {
    const bytes = encodeGenesis(blsGenesis)
    for (let length = 0; length < bytes.length; length += 7) expect(decodeGenesis(bytes.slice(0, length)).ok).toBe(false)
    expect(decodeGenesis(Uint8Array.from([...bytes, 0])).ok).toBe(false)
    for (const version of [0, 33])
      expect(decodeGenesis(Uint8Array.from([0, version, ...bytes.slice(2)]))).toMatchObject({ error: { code: 'version' } })
  })

  it('one bit changed in a BLS key or its possession is another genesis or none', () => {
    const bytes = encodeGenesis(blsGenesis)
    const at = bytes.findIndex((_, start) => first.blsKey.every((byte, offset) => bytes[start + offset] === byte))
    fc.assert(
      fc.property(fc.nat({ max: (48 + 96) * 8 - 1 }), (bit) => {
        const changed = bytes.slice()
        changed[at + (bit >> 3)] = (changed[at + (bit >> 3)] as number) ^ (1 << (bit & 7))
        expect(codeIn(decodeGenesis(changed))).toBe('bls-possession')
      }),
      { numRuns: 25 },
    )
  })

  it('the largest genesis is read: of as many validators as there may be', () => {
    const power = (1n << 96n) - 1n
    const text = genesisToJson({ ...blsGenesis, validators: new Array<GenesisValidator>(MAX_CHAIN_VALIDATORS).fill({ ...first, power }) })
    expect(codeOf(text)).toBe('duplicate-key') // and not too-long
  })

  it('some validators with a BLS key and some without are refused', () => {
    expect(codes(withFirst({ blsKey: undefined, blsPossession: undefined }))).toEqual(['bls-key', 'bls-key'])
    const last = { ...blsGenesis, validators: [...blsGenesis.validators.slice(0, 3), ...genesis.validators.slice(3)] }
    expect(codes(last)).toEqual(['bls-key', 'bls-key'])
  })

  it('one BLS key of two validators is refused', () => {
    const taken = bls(101)
    const blsPossession = taken.sign(blsPossessionBytes(first.publicKey, taken.publicKey))
    expect(codes(withFirst({ blsKey: taken.publicKey, blsPossession }))).toEqual(['duplicate-key', 'duplicate-key'])
  })

  it('F2: a BLS key whose possession is missing, or is not its own for this validator, is refused', () => {
    const other = bls(150)
    const bad: Partial<Record<keyof GenesisValidator, unknown>>[] = [
      { blsPossession: undefined },
      { blsPossession: other.sign(blsPossessionBytes(first.publicKey, first.blsKey)) }, // by another key
      { blsPossession: bls(100).sign(blsPossessionBytes(key(150).publicKey, first.blsKey)) }, // for another validator
      { blsPossession: bls(100).sign(blsPossessionBytes(first.publicKey, other.publicKey)) }, // of another key
      { blsPossession: bls(100).sign(utf8('something else')) },
      { blsPossession: blsGenesis.validators[1]?.blsPossession },
      { blsPossession: new Uint8Array(96) as BlsSignature }, // no point
      { blsPossession: infinity(96) as BlsSignature },
      { blsKey: new Uint8Array(48) as BlsPublicKey },
      { blsKey: infinity(48) as BlsPublicKey },
      { blsKey: infinity(48) as BlsPublicKey, blsPossession: infinity(96) as BlsSignature },
    ]
    for (const change of bad) expect([change, ...codes(withFirst(change))]).toEqual([change, 'bls-possession', 'bls-possession'])
    const withoutKeys = { ...genesis, validators: genesis.validators.map((each) => ({ ...each, blsPossession: first.blsPossession })) }
    expect(codes(withoutKeys)).toEqual(['bls-possession', 'bls-possession'])
  })

  it('F2: a rogue key, which would let one validator pass for all, has no possession to show', () => {
    const honest = blsGenesis.validators.slice(0, 3) as Required<GenesisValidator>[]
    const rogue = rogueKey(honest.map((each) => each.blsKey))
    const { publicKey } = key(103)
    const attacker = { publicKey, power: 1n, blsKey: rogue.publicKey }

    // What it is for: without the check of possessions, one validator alone certifies what it likes.
    const validators = must(createValidatorSet(epoch(0), [...honest, attacker]))
    const ballot = { kind: 'commit', epoch: epoch(0), view: view(0), height: height(1), blockHash: ZERO_HASH } as const
    const votes = [0, 1, 2, 3].map(
      (sender): Vote => ({ ...ballot, sender: validatorIndex(sender), signature: new Uint8Array(64) as never }),
    )
    const forged = assembleCertificate(ballot, 4, votes, rogue.forge(ballotBytes(chainId, ballot)))
    expect(verifyCertificate({ chainId, validators, verifySignature }, forged)).toMatchObject({ ok: true })

    // It has the secret of the sum, not of its own key: none of what it can sign, or has seen, shows possession.
    const claimed = blsPossessionBytes(publicKey, rogue.publicKey)
    const shown = [rogue.forge(claimed), ...honest.map((each) => each.blsPossession), bls(103).sign(claimed)]
    for (const blsPossession of shown) {
      expect(codes({ ...blsGenesis, validators: [...honest, { ...attacker, blsPossession }] })).toEqual([
        'bls-possession',
        'bls-possession',
      ])
    }
    expect(codes({ ...blsGenesis, validators: [...honest, attacker] })).toEqual(['bls-possession', 'bls-possession'])
  })

  it('G2, G3: JSON with a field twice, unknown, of another length or spelling is refused', () => {
    const text = genesisToJson(blsGenesis)
    const hex = toHex(first.blsKey)
    expect(codeOf(text)).toBe('accepted')
    expect(codeOf(text.replace(`"blsKey": "${hex}"`, `"blsKey": "${hex}", "blsKey": "${hex}"`))).toBe('json-duplicate')
    expect(codeOf(text.replace('"blsKey"', '"blskey"'))).toBe('unknown-field')
    expect(codeOf(text.replace(hex, hex.slice(2)))).toBe('json-shape')
    expect(codeOf(text.replace(hex, hex.toUpperCase()))).toBe('hex')
    expect(codeOf(text.replace(toHex(first.blsPossession), toHex(first.blsPossession).slice(2)))).toBe('json-shape')
  })
})
