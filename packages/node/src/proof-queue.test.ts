import type { VerificationJob } from '@aethel/replica'
import { expect, it } from 'vitest'
import { JobQueue, type Waiting } from './proof-queue.js'

const job = (priority: 'block' | 'mempool'): VerificationJob => ({ cited: [], priority }) as unknown as VerificationJob
const back = (key: string, suspect = false): Waiting => ({ key, job: job('mempool'), suspect })

/** The keys, in the order in which they are taken. */
function drained(queue: JobQueue): string[] {
  const keys: string[] = []
  for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
    queue.take(next)
    keys.push(next.key)
  }
  return keys
}

it('blocks first, then what came back, then the others; each once, wherever it waits', () => {
  const queue = new JobQueue()
  for (const key of ['a', 'b']) queue.add(key, job('mempool'))
  queue.putBack([back('x'), back('y')])
  for (const key of ['y', 'a']) queue.add(key, job('mempool'))
  queue.add('c', job('block'))
  expect([queue.size, queue.blockWaits]).toEqual([5, true])
  expect(drained(queue)).toEqual(['c', 'x', 'y', 'a', 'b'])
  expect([queue.size, queue.blockWaits]).toEqual([0, false])
})

it('what a block needs moves up from wherever it waits', () => {
  const queue = new JobQueue()
  for (const key of ['a', 'b']) queue.add(key, job('mempool'))
  queue.putBack([back('x'), back('y')])
  queue.hasten('b')
  queue.add('y', job('block'))
  expect(drained(queue)).toEqual(['b', 'y', 'x', 'a'])
})

it('a suspect waits for a thread that may be lost, and nobody else behind it', () => {
  const queue = new JobQueue()
  queue.putBack([back('x', true), back('y')])
  expect([queue.peek('trusted')?.key, queue.peek('all')?.key]).toEqual(['y', 'x'])
  queue.remove('y')
  expect([queue.peek('trusted'), queue.size]).toEqual([undefined, 1])
})
