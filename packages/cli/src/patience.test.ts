import { describe, expect, it } from 'vitest'
import { unreachable } from './client.js'
import { CliError, EXIT } from './exit.js'
import { isUnreachable, Patience } from './patience.js'

const nobody = (): CliError => unreachable('http://validator', 'nothing listens there')

describe('patience with a validator that does not answer', () => {
  it('repeats what may be repeated until it answers, and says so once', async () => {
    const said: string[] = []
    let attempts = 0
    const answer = await new Patience((line) => said.push(line)).during(10_000, async () => {
      if (++attempts < 4) throw nobody()
      return attempts
    })
    expect([answer, said.length]).toEqual([4, 1])
    expect(said[0]).toMatch(/nothing listens there.*; trying again$/)
  })

  it('ends when the time is over; what moves on meanwhile has it again', async () => {
    let attempts = 0
    const patience = new Patience(() => undefined)
    const fail = async (): Promise<never> => {
      attempts++
      throw nobody()
    }
    await expect(patience.during(600, fail)).rejects.toSatisfy(isUnreachable)
    const withoutProgress = attempts
    attempts = 0
    await expect(patience.during(600, fail, () => Math.min(4, attempts))).rejects.toSatisfy(isUnreachable)
    expect(attempts).toBeGreaterThan(withoutProgress)
  })

  it('what is wrong for another reason is not repeated', async () => {
    let attempts = 0
    const fail = async (): Promise<never> => {
      attempts++
      throw new CliError(EXIT.usage, 'blob', 'the validator answered 400')
    }
    await expect(new Patience(() => undefined).during(10_000, fail)).rejects.toMatchObject({ code: 'blob' })
    expect(attempts).toBe(1)
  })
})
