import { toHex, utf8 } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chainId, definition, genesis, key, must } from '../test/chain.js'
import {
  chainIdOf,
  checkGenesis,
  createRegistry,
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  genesisFromJson,
  genesisTip,
  genesisToJson,
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
