/** Proof kinds from outside in a real validator: the example under `examples/verifier-pratt`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromHex, hash, toHex, utf8 } from '@aethel/codec'
import { sha256, signingKey } from '@aethel/crypto'
import {
  type Action,
  buildTransaction,
  decodeGenesis,
  encodeTransaction,
  genesisFromJson,
  genesisToJson,
  signTransaction,
} from '@aethel/ledger'
import { claimIdOf } from '@aethel/proofs'
import { afterAll, describe, expect, test } from 'vitest'
// The built ones: the proof worker is a file beside them.
import { createNewcomer, createTestnet, startNode } from '../dist/index.js'

const MODULE = fileURLToPath(new URL('../../../examples/verifier-pratt/verifier.js', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'aethel-verifiers-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const log = { write: () => true }
const sender = signingKey(sha256(utf8('sender')))

function submitterTo(node: Awaited<ReturnType<typeof startNode>>, chainIdHex: string, kind: string) {
  const chainId = fromHex(chainIdHex)
  if (!chainId.ok) throw new Error(chainId.error.message)
  return async (nonce: number, claim: Uint8Array, proof: Uint8Array): Promise<{ status: number; body: unknown }> => {
    const action: Action = { type: 'submit-proof', kind, claim, proof, metadata: null }
    const unsigned = buildTransaction({ chainId: hash(chainId.value), sender: sender.publicKey, nonce, action })
    const response = await fetch(`${node.http.url}/v1/transactions?wait=final`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: encodeTransaction(signTransaction(unsigned, sender)),
    })
    return { status: response.status, body: await response.json() }
  }
}

function changeConfig(home: string, change: object): void {
  const file = join(home, 'config.json')
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }))
}

function moduleFile(name: string, text: string): string {
  const file = join(directory, `${name}.mjs`)
  writeFileSync(file, text)
  return file
}

describe('a proof kind from outside', () => {
  test('a network takes it in, finalises its proofs, and refuses false ones', async () => {
    const network = await createTestnet({ validators: 1, output: join(directory, 'net'), basePort: 0, kinds: [], verifiers: [MODULE] })
    const node = await startNode({ home: network.homes[0] as string, log })
    try {
      const submit = submitterTo(node, network.chainId, 'pratt/1')
      const seven = Uint8Array.of(2, 1, 3, 1, 2, 0, 1, 7, 1, 3, 1, 0)
      expect(await submit(0, Uint8Array.of(7), seven)).toMatchObject({ status: 200, body: { status: 'final' } })
      const claim = await fetch(`${node.http.url}/v1/claims/${toHex(claimIdOf('pratt/1', Uint8Array.of(7)))}`)
      expect(await claim.json()).toMatchObject({ kind: 'pratt/1', gas: expect.anything() })
      expect(await submit(1, Uint8Array.of(9), seven)).toMatchObject({ status: 400, body: { code: 'wrong-number' } })
      expect(await submit(1, Uint8Array.of(0, 7), seven)).toMatchObject({ status: 400, body: { code: 'leading-zero' } })
    } finally {
      await node.close()
    }
  })

  test('what one says of a refused proof is cut, in a verdict as in the store', async () => {
    const proofs = fileURLToPath(new URL('../../proofs/dist/index.js', import.meta.url))
    const wordy = moduleFile(
      'wordy',
      `import { defineVerifier } from ${JSON.stringify(proofs)}
       export const verifier = defineVerifier({
         kind: 'wordy/1', revision: 1, limits: { claimBytes: 8, proofBytes: 8, gas: 1000, memoryWords: 0 },
         intrinsicGas: { proof: 1, byte: 1 }, specification: 'says much', vectors: '{"vectors":[]}',
         parseClaim: (bytes) => ({ ok: true, value: bytes.length }),
         verify: () => ({ status: 'invalid', code: 'c'.repeat(1 << 20), message: 'm'.repeat(1 << 20) }),
       })`,
    )
    const network = await createTestnet({ validators: 1, output: join(directory, 'wordy'), basePort: 0, kinds: [], verifiers: [wordy] })
    const node = await startNode({ home: network.homes[0] as string, log })
    try {
      const submit = submitterTo(node, network.chainId, 'wordy/1')
      const body = { code: 'c'.repeat(64), message: 'm'.repeat(1024) }
      expect(await submit(0, Uint8Array.of(7), Uint8Array.of(1))).toMatchObject({ status: 400, body })
    } finally {
      await node.close()
    }
  })

  test('a validator without it refuses to start, and says what to do', async () => {
    const network = await createTestnet({ validators: 1, output: join(directory, 'without'), basePort: 0, verifiers: [MODULE] })
    const home = network.homes[0] as string
    changeConfig(home, { verifiers: [] })
    await expect(startNode({ home, log })).rejects.toMatchObject({
      code: 'unknown-kind',
      message: expect.stringMatching(/pratt\/1.*"verifiers" in config\.json/),
    })
    changeConfig(home, { verifiers: ['./nowhere.js'] })
    await expect(startNode({ home, log })).rejects.toMatchObject({ code: 'verifier-module' })
    changeConfig(home, { verifiers: [moduleFile('empty', 'export const nothing = 1')] })
    await expect(startNode({ home, log })).rejects.toMatchObject({ code: 'verifier-module' })
  })

  test('the home of a newcomer finds the module that the home it is made from names by a path of its own; HTTP says which port it found', async () => {
    const parameters = { epochLength: 10 }
    const output = join(directory, 'joined')
    const network = await createTestnet({ validators: 1, output, basePort: 0, verifiers: [MODULE], parameters })
    const home = network.homes[0] as string
    const local = { host: '127.0.0.1', port: 0 }
    changeConfig(home, { verifiers: [relative(home, MODULE)] })
    const made = createNewcomer({ from: home, output: join(directory, 'far', 'away', 'newcomer'), mesh: local, http: local })
    const node = await startNode({ home: made.home, log })
    try {
      expect(node.http.port).toBeGreaterThan(0)
      expect((await fetch(`${node.http.url}/v1/status`)).status).toBe(200)
    } finally {
      await node.close()
    }
  })

  test('another edition than the one genesis pins is refused', async () => {
    const network = await createTestnet({ validators: 1, output: join(directory, 'edition'), basePort: 0, verifiers: [MODULE] })
    const home = network.homes[0] as string
    const edition = (name: string, change: string): string =>
      moduleFile(name, `import { verifier as original } from ${JSON.stringify(MODULE)}\nexport const verifier = { ...original, ${change} }`)
    changeConfig(home, { verifiers: [edition('edited', 'digest: new Uint8Array(32)')] })
    await expect(startNode({ home, log })).rejects.toMatchObject({ code: 'kind-digest' })
    changeConfig(home, { verifiers: [edition('newer', 'revision: 2')] })
    await expect(startNode({ home, log })).rejects.toMatchObject({ code: 'kind-revision' })
    changeConfig(home, { verifiers: [edition('first', ''), MODULE] })
    await expect(startNode({ home, log })).rejects.toMatchObject({ code: 'verifier-module' })
  })

  test('genesis with it survives both of its encodings', async () => {
    const network = await createTestnet({ validators: 1, output: join(directory, 'genesis'), basePort: 0, verifiers: [MODULE] })
    const decoded = decodeGenesis(new Uint8Array(readFileSync(network.genesisFile)))
    if (!decoded.ok) throw new Error(decoded.error.message)
    expect(decoded.value.kinds.map(({ kind, digest }) => [kind, digest !== undefined])).toContainEqual(['pratt/1', true])
    expect(genesisFromJson(utf8(genesisToJson(decoded.value)))).toEqual({ ok: true, value: decoded.value })
  })
})
