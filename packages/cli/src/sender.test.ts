/** Transactions of one account on their way, against a validator that is played here: what it refuses keeps nothing else waiting. */
import { decode, EMPTY_BYTES, type Hash, hash, keyOf, utf8 } from '@aethel/codec'
import { signingKey } from '@aethel/crypto'
import { type Action, decodeTransaction, transactionIdOf } from '@aethel/ledger'
import { describe, expect, it } from 'vitest'
import type { SubmissionOutcome } from './answers.js'
import { type Client, unreachable, type Wait } from './client.js'
import { CliError, EXIT } from './exit.js'
import { Patience } from './patience.js'
import { Sender } from './sender.js'

const CHAIN: Hash = hash(new Uint8Array(32).fill(7))
const proof = (name: string): Action => ({
  type: 'submit-proof',
  kind: 'lrat/1',
  claim: utf8(name),
  proof: utf8('proof'),
  metadata: null,
})

/** One account; a transaction is final as soon as all nonces before it are. `refusalOf` is asked for each proof, each time it comes. */
class PlayedValidator {
  readonly #pool = new Map<number, string>()
  #final = 0
  readonly finals = new Set<string>()
  readonly log: string[] = []
  readonly #refusalOf: (claim: string, validator: PlayedValidator) => string | undefined

  constructor(refusalOf: (claim: string, validator: PlayedValidator) => string | undefined = () => undefined) {
    this.#refusalOf = refusalOf
  }

  /** Another command of the same account. */
  take(nonce: number): void {
    this.#pool.set(nonce, `another ${nonce}`)
  }

  #pending(): number {
    let nonce = this.#final
    while (this.#pool.has(nonce)) nonce++
    return nonce
  }

  #submit(bytes: Uint8Array): SubmissionOutcome {
    const transaction = decodeTransaction(bytes)
    if (!transaction.ok) throw new Error(transaction.error.message)
    const { nonce, action } = transaction.value
    const id = keyOf(transactionIdOf(bytes))
    const claim = action.type === 'submit-proof' ? Buffer.from(action.claim).toString() : action.type
    this.log.push(`${claim} ${nonce}`)
    const refused = (code: string): SubmissionOutcome => ({ status: 'refused', code, message: code })
    if (nonce < this.#final) return refused('nonce-used')
    const code = action.type === 'submit-proof' ? this.#refusalOf(claim, this) : undefined
    if (this.#pool.get(nonce) === id) return { status: 'pending', id }
    if (this.#pool.has(nonce)) return refused('nonce-pending')
    if (code === 'slow') return { status: 'timeout' }
    if (code !== undefined) return refused(code)
    this.#pool.set(nonce, id)
    return { status: 'pending', id }
  }

  readonly client = {
    nonce: async () => ({ final: this.#final, pending: this.#pending() }),
    submitBatch: async (batch: Uint8Array, _wait: Wait, _timeoutMs: number) => {
      const list = decode(batch, (reader) => reader.list(4096, (r) => r.bytes(16 << 20)))
      if (!list.ok) throw new Error(list.error.message)
      return list.value.map((bytes) => this.#submit(bytes))
    },
    transaction: async (idHex: string): Promise<SubmissionOutcome> => {
      const id = keyOf(new Uint8Array(Buffer.from(idHex, 'hex')) as Hash)
      for (let next = this.#pool.get(this.#final); next !== undefined; next = this.#pool.get(this.#final)) {
        this.#pool.delete(this.#final++)
        this.finals.add(next)
      }
      if (this.finals.has(id)) return { status: 'final', height: 1 }
      return { status: [...this.#pool.values()].includes(id) ? 'pending' : 'unknown' }
    },
  } as unknown as Client
}

/** A client whose calls, counted from 1, reach the validator, or do not, or do and bring no answer back. */
class Outage {
  #calls = 0
  readonly client: Client

  constructor(client: Client, stateAt: (call: number) => 'up' | 'down' | 'unheard') {
    const through = <A extends unknown[], R>(call: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) => {
      return async (...args) => {
        const state = stateAt(++this.#calls)
        const result = state === 'down' ? undefined : await call(...args)
        if (state !== 'up') throw unreachable('http://validator', 'nothing listens there')
        return result as R
      }
    }
    const { nonce, submitBatch, transaction } = client
    this.client = { ...client, nonce: through(nonce), submitBatch: through(submitBatch), transaction: through(transaction) }
  }
}

function senderTo(validator: PlayedValidator): Sender {
  return new Sender(validator.client, signingKey(new Uint8Array(32).fill(3)), CHAIN, new Patience(() => undefined))
}

async function statuses(validator: PlayedValidator, names: readonly string[], wait: Wait = 'final', timeoutMs = 20_000): Promise<string[]> {
  const outcomes = await senderTo(validator).send(names.map(proof), wait, timeoutMs)
  return outcomes.map(({ status }) => status)
}

describe('sending', () => {
  it('a refused proof keeps none of those after it waiting: an empty note takes its nonce', async () => {
    const validator = new PlayedValidator((claim) => (claim.startsWith('bad') ? 'bad-proof' : undefined))
    expect(await statuses(validator, ['bad1', 'a', 'bad2', 'bad3', 'b', 'bad4'])).toEqual([
      'refused',
      'final',
      'refused',
      'refused',
      'final',
      'refused',
    ])
    expect(validator.log.filter((line) => line.startsWith('note'))).toEqual(['note 0', 'note 2', 'note 3'])
    const admitted = new PlayedValidator((claim) => (claim === 'bad' ? 'bad-proof' : undefined))
    expect(await statuses(admitted, ['bad', 'a'], 'admitted')).toEqual(['refused', 'pending'])
    expect(admitted.log.at(-1)).toBe('note 0')
  })

  it('a nonce that another command of the account was quicker to use is replaced', async () => {
    let taken = false
    const validator = new PlayedValidator((_, self) => {
      if (!taken) self.take(0)
      taken = true
      return undefined
    })
    expect(await statuses(validator, ['a', 'b'])).toEqual(['final', 'final'])
  })

  it('what is refused for now is sent again; a claim that another transaction makes final meanwhile is that', async () => {
    let asked = 0
    const validator = new PlayedValidator((claim) => {
      if (claim === 'full') return ++asked < 3 ? 'mempool-full' : undefined
      return claim === 'same' ? 'duplicate-pending' : undefined
    })
    expect(await statuses(validator, ['full', 'same', 'a'], 'final', 1_500)).toEqual(['final', 'timeout', 'final'])
    const [, outcome] = await senderTo(validator).send(['b', 'same'].map(proof), 'final', 600)
    expect(outcome).toMatchObject({ status: 'timeout', code: 'duplicate-pending' })
  })

  it('what is not admitted in one request is asked for again, until the time is over', async () => {
    let asked = 0
    const validator = new PlayedValidator(() => (++asked < 4 ? 'slow' : undefined))
    expect(await statuses(validator, ['a'], 'admitted')).toEqual(['pending'])
    expect(await statuses(new PlayedValidator(() => 'slow'), ['a'], 'admitted', 300)).toEqual(['timeout'])
  })

  it('a nonce that an interrupted command left out is found, when nothing goes on', { timeout: 30_000 }, async () => {
    const validator = new PlayedValidator()
    const sender = senderTo(validator)
    expect((await sender.send([proof('a')], 'final', 5_000))[0]).toMatchObject({ status: 'final' })
    // Nonce 1 is refused as another's, 2 is taken; then the other one never comes.
    let gone = false
    const withGap = new PlayedValidator((claim) => {
      if (claim === 'a' && !gone) {
        gone = true
        return 'nonce-pending'
      }
      return undefined
    })
    expect(await statuses(withGap, ['a', 'b'])).toEqual(['final', 'final'])
  })

  it('a validator that has forgotten what it took gets it again', async () => {
    let forgetful = true
    const validator = new PlayedValidator()
    const { client } = validator
    const transaction = client.transaction
    const forgetting = {
      ...client,
      transaction: async (id: string) => {
        if (!forgetful) return transaction(id)
        forgetful = false
        return { status: 'unknown' as const }
      },
    }
    const sender = new Sender(forgetting, signingKey(new Uint8Array(32).fill(3)), CHAIN, new Patience(() => undefined))
    const [outcome] = await sender.send([{ type: 'note', data: EMPTY_BYTES }], 'final', 5_000)
    expect(outcome).toMatchObject({ status: 'final' })
  })

  it('a nonce used in a block that the validator does not have: new work gets another, what was sent before may be what used it', async () => {
    const perhaps = { status: 'unknown' as const, code: 'perhaps-final', message: 'ask another validator' }
    const sentBy = async (isForgotten: boolean): Promise<readonly [readonly SubmissionOutcome[], readonly string[]]> => {
      const { client, log } = new PlayedValidator()
      let hasAnswered = false
      const gap = {
        ...client,
        transaction: async (id: string) => (isForgotten ? { status: 'unknown' as const } : client.transaction(id)),
        submitBatch: async (batch: Uint8Array, wait: Wait, timeoutMs: number) => {
          const results = await client.submitBatch(batch, wait, timeoutMs)
          const isPerhaps = isForgotten === hasAnswered
          hasAnswered = true
          return isPerhaps ? [perhaps] : results
        },
      }
      const sender = new Sender(gap, signingKey(new Uint8Array(32).fill(3)), CHAIN, new Patience(() => undefined))
      return [await sender.send([proof('a')], 'final', 5_000), log]
    }
    expect(await sentBy(true)).toEqual([[perhaps], ['a 0', 'a 0']])
    const [outcomes, log] = await sentBy(false)
    expect(outcomes).toMatchObject([{ status: 'final' }])
    expect(log).toEqual(['a 0', 'a 1'])
  })

  it.each([
    ['comes there all the same', true],
    ['is lost', false],
  ])(
    'a validator that is restarted meanwhile is asked again: what was sent as it went down %s, and is sent again as it was',
    async (_, arrives) => {
      for (const wait of ['final', 'admitted', 'none'] as const) {
        const validator = new PlayedValidator()
        const bad = arrives ? 'unheard' : 'down'
        const outage = new Outage(validator.client, (call) => (call === 2 || call === 3 ? bad : call > 4 && call < 8 ? 'down' : 'up'))
        const said: string[] = []
        const sender = new Sender(outage.client, signingKey(new Uint8Array(32).fill(3)), CHAIN, new Patience((line) => said.push(line)))
        const outcomes = await sender.send(['a', 'b', 'c'].map(proof), wait, 20_000)
        expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill(wait === 'final' ? 'final' : 'pending'))
        expect(new Set(validator.log)).toEqual(new Set(['a 0', 'b 1', 'c 2']))
        expect(said.length).toBe(wait === 'final' ? 2 : 1) // once for each time that it was down
      }
    },
  )

  it('who never answers is unreachable; who took something and then answers no more has it, perhaps final', async () => {
    const never = new Outage(new PlayedValidator().client, () => 'down')
    const patience = new Patience(() => undefined)
    const key = signingKey(new Uint8Array(32).fill(3))
    const send = (client: Client): Promise<SubmissionOutcome[]> => new Sender(client, key, CHAIN, patience).send([proof('a')], 'final', 900)
    await expect(send(never.client)).rejects.toMatchObject({ exitCode: EXIT.unreachable })
    const once = new Outage(new PlayedValidator().client, (call) => (call <= 2 ? 'up' : 'down'))
    const unanswered = { status: 'timeout', code: 'unanswered', message: expect.stringMatching(/^perhaps final; .*nothing listens/) }
    expect(await send(once.client)).toMatchObject([unanswered])
    // 256 go in one request; it goes down as the second comes.
    const second = new Outage(new PlayedValidator().client, (call) => (call <= 2 ? 'up' : 'down'))
    const many = Array.from({ length: 300 }, (_, at) => proof(String(at)))
    const outcomes = await new Sender(second.client, key, CHAIN, patience).send(many, 'admitted', 900)
    expect(outcomes.map(({ status, code }) => code ?? status)).toEqual([...Array(256).fill('pending'), ...Array(44).fill('unanswered')])
  })

  it('what is wrong for another reason is not tried again', async () => {
    const { client } = new PlayedValidator()
    let calls = 0
    const submitBatch = async (): Promise<never> => {
      calls++
      throw new CliError(EXIT.internal, 'http-500', 'the validator answered 500')
    }
    const sender = new Sender({ ...client, submitBatch }, signingKey(new Uint8Array(32).fill(3)), CHAIN, new Patience(() => undefined))
    await expect(sender.send([proof('a')], 'final', 5_000)).rejects.toMatchObject({ code: 'http-500' })
    expect(calls).toBe(1)
  })

  it('nothing to send is nothing sent', async () => {
    const validator = new PlayedValidator()
    expect(await statuses(validator, [])).toEqual([])
    expect(validator.log).toEqual([])
  })
})
