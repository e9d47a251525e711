export * from './claim-id.js'
export * from './meter.js'
export * from './verifier.js'
