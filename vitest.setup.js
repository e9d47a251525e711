/** Property tests draw the same inputs in every run. `FC_SEED=7 npm test` draws others, `FC_SEED=random` others each time. */
import fc from 'fast-check'

const { FC_SEED = '1' } = process.env
if (FC_SEED !== 'random') {
  if (String(Number(FC_SEED) | 0) !== FC_SEED)
    throw new Error(`expected FC_SEED to be an integer of 32 bits or "random", got ${JSON.stringify(FC_SEED)}`)
  fc.configureGlobal({ seed: Number(FC_SEED) })
}
