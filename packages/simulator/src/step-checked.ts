/** One step of a core or a replica, in which an assertion that fails is a finding, not a crash of the simulation. */
import { AssertionError } from '@aethel/codec'
import { Violation } from './violation.js'

export interface Machine<Input, Effect> {
  step(input: Input): readonly Effect[]
}

/** `index`: whose it is. */
export function stepChecked<Input, Effect>(machine: Machine<Input, Effect>, index: number, input: Input): readonly Effect[] {
  try {
    return machine.step(input)
  } catch (error) {
    if (error instanceof AssertionError) throw new Violation('no-crash', `validator ${index} stopped on an assertion: ${error.message}`)
    throw error
  }
}
