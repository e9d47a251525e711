import { expect, test } from 'vitest'
import { Allowance, BURST_US } from './allowance.js'

test('work beyond the burst is paid off with time, at a share of a core that all peers have together', () => {
  const allowance = new Allowance(4, 0)
  expect(allowance.spend(BURST_US, 0)).toBe(0)
  expect(allowance.spend(50_000, 0)).toBe(1_000) // 200 ms of work a second, shared by four
  expect(allowance.spend(0, 999)).toBe(1)
  expect(allowance.spend(0, 1_000)).toBe(0)
})

test('progress fills it, up to the burst; so does time', () => {
  const allowance = new Allowance(4, 0)
  allowance.spend(BURST_US + 1_000, 0)
  allowance.grant(1_000)
  expect(allowance.spend(0, 0)).toBe(0)
  allowance.grant(10 * BURST_US)
  expect(allowance.spend(BURST_US, 0)).toBe(0)
  expect(allowance.spend(BURST_US + 50, 1_000_000_000)).toBe(1)
})

test('a flood costs what is allowed, however it is cut up', () => {
  const allowance = new Allowance(3, 0)
  let workUs = 0
  let nowMs = 0
  while (nowMs < 60_000) {
    workUs += 700
    nowMs += 0.7 + allowance.spend(700, nowMs)
  }
  expect(workUs).toBeGreaterThan(BURST_US + 55 * (200_000 / 3))
  expect(workUs).toBeLessThan(BURST_US + 65 * (200_000 / 3))
})

test('with many peers each keeps what STATUS and late votes need', () => {
  const allowance = new Allowance(1_000, 0)
  allowance.spend(BURST_US, 0)
  for (let second = 1; second <= 60; second++) expect(allowance.spend(9_000, second * 1_000)).toBe(0)
})
