/** `aethel fork` as a process: what is no proof is refused with exit code 3, and says why. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { epoch, fromHex, type Hash, hash, height, publicKey, utf8, validatorIndex, view } from '@aethel/codec'
import { assembleCertificate, type Ballot, ballotBytes, encodeMessage, viewChangeBytes } from '@aethel/consensus'
import { type SigningKey, sha256, signingKey } from '@aethel/crypto'
import { createMesh } from '@aethel/network'
import { startNode } from '@aethel/node'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, aethelAsync, errorLine, temporaryFolder } from './aethel.js'

function keyIn(home: string, name: string): SigningKey {
  const seed = fromHex(readFileSync(join(home, name), 'utf8').trim())
  if (!seed.ok) throw new Error(seed.error.message)
  return signingKey(seed.value)
}

/** A VIEW-CHANGE for view 1 by validator 0 with a commit certificate of all but one for a block nobody has seen. */
function claimOf(chainId: Hash, keys: readonly SigningKey[], label: string, newView: number): Uint8Array {
  const ballot: Ballot = { kind: 'commit', epoch: epoch(0), view: view(0), height: height(1), blockHash: sha256(utf8(label)) }
  const signatures = [0, 1, 2].map((index) => ({
    ...ballot,
    sender: validatorIndex(index),
    signature: (keys[index] as SigningKey).sign(ballotBytes(chainId, ballot)),
  }))
  const certificate = assembleCertificate(ballot, 4, signatures)
  const fields = { epoch: epoch(0), newView: view(newView), highest: ballot, committedHeight: height(0), sender: validatorIndex(0) }
  const signature = (keys[0] as SigningKey).sign(viewChangeBytes(chainId, fields))
  return encodeMessage({ kind: 'view-change', entry: { ...fields, signature }, certificate })
}

const folder = temporaryFolder()
afterAll(() => folder.remove())

describe('aethel fork', () => {
  it('what is no fork proof: exit code 3; a missing file or trust root: exit code 2', () => {
    const made = aethel('testnet', '--validators', '4', '--output', folder.file('network'), '--base-port', '0', '--json')
    const { trustFile } = JSON.parse(made.stdout) as { trustFile: string }
    const file = folder.file('fork.bin')
    writeFileSync(file, 'nothing of the kind, though long enough')
    const outcome = aethel('fork', file, '--trust', trustFile, '--json')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'invalid' })
    expect(aethel('fork', folder.file('nowhere'), '--trust', trustFile).code).toBe(2)
    const noTrust = aethel('fork', file, '--trust', file)
    expect(noTrust.code).toBe(2)
    expect(errorLine(noTrust)).toContain('expected a trust root')
  })

  it('a validator that sees a fork writes the proof, stops voting, says why, and does not start again', async () => {
    const made = aethel('testnet', '--validators', '4', '--output', folder.file('forked'), '--base-port', '0', '--json')
    const { trustFile, homes, chainId: id } = JSON.parse(made.stdout) as { trustFile: string; homes: string[]; chainId: string }
    const bytes = fromHex(id)
    const chainId = hash(bytes.ok ? bytes.value : new Uint8Array(0))
    const keys = homes.map((each) => keyIn(each, 'consensus.key'))
    const [home] = homes.slice(-1) as [string]
    const lines: string[] = []
    const node = await startNode({ home, log: { write: (line) => lines.push(line) } })
    const networkKey = publicKey(keyIn(home, 'network.key').publicKey)
    const seed = fromHex(readFileSync(join(homes[0] as string, 'network.key'), 'utf8').trim())
    const mesh = await createMesh({
      chainId,
      seed: (seed.ok ? seed.value : new Uint8Array(32)) as never,
      listen: JSON.parse(readFileSync(join(homes[0] as string, 'config.json'), 'utf8')).mesh,
      peers: [{ index: validatorIndex(3), ...node.mesh, networkKey }],
      handlers: {
        onMessage: () => undefined,
        onTransactions: () => undefined,
        onLost: () => undefined,
        onMisbehaving: () => undefined,
        onStranger: () => undefined,
        onRoundTrip: () => undefined,
        onConnected: () => {
          mesh.send('all', claimOf(chainId, keys, 'one', 1))
          mesh.send('all', claimOf(chainId, keys, 'another', 2))
          mesh.flush()
        },
      },
    })
    const file = join(home, 'fork-proof.bin')
    for (let tries = 0; tries < 600 && !existsSync(file); tries++) await new Promise((resolve) => setTimeout(resolve, 100))
    expect(lines.some((line) => line.includes('"event":"fork"'))).toBe(true)

    const why = await (await fetch(`${node.http.url}/why`)).text()
    expect(why).toContain('two blocks are committed at height 1')
    expect(why).toContain('guilty are validators 0, 1, 2, with power 3 of 4')
    const status = (await (await fetch(`${node.http.url}/v1/status`)).json()) as { voting: unknown }
    expect(status.voting).toMatchObject({ votes: false, forkedAt: 1 })
    const served = new Uint8Array(await (await fetch(`${node.http.url}/v1/fork`)).arrayBuffer())
    expect(served).toEqual(Uint8Array.from(readFileSync(file)))
    const asked = await aethelAsync('why', '--url', node.http.url)
    expect(asked.stdout + asked.stderr).toContain('signs nothing any more')
    await mesh.close()
    await node.close()

    const checked = aethel('fork', file, file, '--trust', trustFile, '--json')
    expect(checked.code).toBe(0)
    expect(JSON.parse(checked.stdout)).toMatchObject({ status: 'fork', height: 1, power: '3', totalPower: '4' })
    await expect(startNode({ home, log: { write: () => undefined } })).rejects.toMatchObject({ code: 'chain-forked' })
  })
})
