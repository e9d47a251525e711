/**
 * The edge of a validator that runs the other build: messages reach it in bytes, and its own decoder and checks look at them. What an unmodified
 * replica has sent must pass at both edges or at neither; what an adversary made may be refused by one of them alone.
 */
import type { Hash, Refusal, Result } from '@aethel/codec'
import type { EpochLength, EpochStart, MessageChecker, VerifiedMessage, VerifyAggregate, VerifySignature } from '@aethel/consensus'
import type { Edge, MessagePayload } from '../edge.js'
import type { Build } from './build.js'
import { incompatible, type Passage } from './passage.js'

type Verdict = Result<VerifiedMessage, Refusal>

export interface ForeignEdgeOptions {
  readonly passage: Passage
  readonly current: Build
  /** What this build finds. */
  readonly edge: Pick<Edge, 'check'>
  readonly chainId: Hash
  readonly epochLength: EpochLength
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
}

export class ForeignEdge {
  readonly #options: ForeignEdgeOptions
  readonly #checkers = new Map<number, MessageChecker>()
  /** By epoch. */
  readonly #verdicts = new WeakMap<MessagePayload, Map<number, Verdict>>()

  constructor(options: ForeignEdgeOptions) {
    this.#options = options
  }

  /** Of a receiver in this epoch; a message that passes is one of the other build's. */
  check(start: EpochStart, payload: MessagePayload): Verdict {
    const { epoch } = start.validators
    let verdicts = this.#verdicts.get(payload)
    if (verdicts === undefined) {
      verdicts = new Map()
      this.#verdicts.set(payload, verdicts)
    }
    let verdict = verdicts.get(epoch)
    if (verdict === undefined) {
      verdict = this.#look(start, payload)
      verdicts.set(epoch, verdict)
    }
    return verdict
  }

  #look(start: EpochStart, payload: MessagePayload): Verdict {
    const { passage, current, edge } = this.#options
    const { message, forged } = payload
    const found = this.#checkerOf(start)
    if (forged) {
      const decoded = passage.other.forms.message.decode(current.forms.message.encode(message))
      return decoded.ok ? found.check(decoded.value) : decoded
    }
    const verdict = found.check(passage.cross('other', 'message', message, `${message.kind} message`))
    const own = edge.check(start, payload)
    if (verdict.ok === own.ok) return verdict
    const [strict, lenient] = verdict.ok ? [current, passage.other] : [passage.other, current]
    const refusal = verdict.ok ? own : verdict
    const why = refusal.ok ? '' : `${refusal.error.code}, ${refusal.error.message}`
    throw incompatible(`${strict.name} refuses a ${message.kind} message of an honest replica that ${lenient.name} lets pass: ${why}`)
  }

  #checkerOf(start: EpochStart): MessageChecker {
    const { passage, chainId, epochLength, verifySignature, verifyAggregate } = this.#options
    const verifiers = { verifySignature, ...(verifyAggregate === undefined ? {} : { verifyAggregate }) }
    const { validators, previousValidators, origin } = passage.epochStart('other', start)
    let checker = this.#checkers.get(validators.epoch)
    if (checker === undefined) {
      const previous = previousValidators === null ? null : { validators: previousValidators, ...origin }
      checker = passage.other.consensus.createMessageChecker({ chainId, validators, ...verifiers, epochLength, previous })
      this.#checkers.set(validators.epoch, checker)
    }
    return checker
  }
}
