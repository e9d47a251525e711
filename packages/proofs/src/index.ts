export * from './meter.js'
export * from './verifier.js'
