export { Coverage } from './coverage.js'
export { type InvariantName, Violation } from './invariants.js'
export { BYZANTINE_STRATEGIES, type ByzantineStrategy, drawKnobs, type Knobs } from './knobs.js'
export { livenessBoundMs, runSimulation, type SimulationOptions, type SimulationReport } from './simulate.js'
