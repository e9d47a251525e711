/** The conformance kit on a thread of its own, so that a verifier that never returns can be ended. */
import { parentPort, workerData } from 'node:worker_threads'
import { loadVerifiers } from '@aethel/node'
import { type ConformanceReport, checkConformance, conformanceOptions, samplesOf } from '@aethel/proofs/conformance'

export interface ConformanceSetup {
  readonly url: string
  readonly inputs: number
  readonly seed: number
}

/** A report, or why there is none. */
export type ConformanceAnswer = { readonly report: ConformanceReport } | { readonly code: string; readonly message: string }

const setup = workerData as ConformanceSetup

async function answer(): Promise<ConformanceAnswer> {
  try {
    const [verifier] = await loadVerifiers([setup.url])
    if (verifier === undefined) return { code: 'verifier-module', message: 'no verifier' }
    const samples = samplesOf(verifier)
    if (!samples.ok) return { code: samples.error.code, message: `${verifier.kind}: ${samples.error.message}` }
    const { inputs, seed } = setup
    return { report: checkConformance({ ...conformanceOptions(verifier, samples.value), inputs, seed, clock, memory }) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal'
    return { code, message: error instanceof Error ? error.message : String(error) }
  }
}

function clock(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

parentPort?.postMessage(await answer())
