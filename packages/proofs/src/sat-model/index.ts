export { SAT_MODEL_LIMITS, SAT_MODEL_OFFLINE_LIMITS, SAT_MODEL_REVISION } from './gas.js'
export { encodeModel, modelBytes, readModel } from './model.js'
export * from './verifier.js'
