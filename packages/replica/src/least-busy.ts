/** Whom to ask next: whoever has the least to do, in turn among equals, so that no source is left out. */
import type { ValidatorIndex } from '@aethel/codec'

export class LeastBusy {
  /** Asked of one peer and not answered, at most. */
  readonly #most: number
  #turn = 0

  constructor(most: number) {
    this.#most = most
  }

  /** `load`: how much each has been asked for already. Undefined: all have enough to do. */
  choose(candidates: readonly ValidatorIndex[], load: ReadonlyMap<ValidatorIndex, number>): ValidatorIndex | undefined {
    let best: ValidatorIndex | undefined
    let least = this.#most
    for (let at = 0; at < candidates.length; at++) {
      const peer = candidates[(this.#turn + at) % candidates.length] as ValidatorIndex
      const busy = load.get(peer) ?? 0
      if (busy < least) {
        least = busy
        best = peer
      }
    }
    this.#turn++
    return best
  }
}
