/** The kinds whose gas is measured. A new kind adds its inputs here. */
import { bvlratInputs } from './bvlrat.js'
import { lratInputs } from './lrat.js'
import { metamathInputs } from './metamath.js'
import { satModelInputs } from './sat-model.js'

/** @type {readonly import('./run.js').GasKind[]} */
export const GAS_KINDS = [metamathInputs, lratInputs, satModelInputs, bvlratInputs]
