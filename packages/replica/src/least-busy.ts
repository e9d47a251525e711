/** Whom to ask next: whoever is connected and has the least to do, in turn among equals, so that no source is left out. */
import type { ValidatorIndex } from '@aethel/codec'

export class LeastBusy {
  /** Asked of one peer and not answered, at most. */
  readonly #most: number
  readonly #connected: ReadonlySet<ValidatorIndex>
  #turn = 0

  constructor(most: number, connected: ReadonlySet<ValidatorIndex>) {
    this.#most = most
    this.#connected = connected
  }

  /** None of these would hear a question, and somebody else would. */
  reachesOthersThan(candidates: ReadonlySet<ValidatorIndex>): boolean {
    return this.#connected.size > 0 && ![...candidates].some((peer) => this.#connected.has(peer))
  }

  /** `load`: how much each has been asked for already. Undefined: all have enough to do. */
  choose(sources: readonly ValidatorIndex[], load: ReadonlyMap<ValidatorIndex, number>): ValidatorIndex | undefined {
    const connected = sources.filter((peer) => this.#connected.has(peer))
    const candidates = connected.length > 0 ? connected : sources
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
