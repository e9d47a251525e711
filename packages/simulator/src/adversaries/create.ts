/** Strategy by name. Each one first tells the conspiracy what it sees; strategies differ in what they send. */
import type { ValidatorIndex } from '@aethel/codec'
import type { Message } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, type Outgoing, obedient } from './adversary.js'
import { forgetful, sleeper } from './beyond.js'
import { hollow, someCompact } from './compact-lies.js'
import { invalidProposer } from './invalid-blocks.js'
import { mangler } from './mangler.js'
import { equivocator, split, tipRival } from './proposers.js'
import { framer, reSigner, sisterChain } from './signers.js'
import { badCertificates } from './spoil.js'
import type { ByzantineStrategy } from './strategies.js'
import { syncLiar } from './sync-liar.js'
import { crash, drip, flooder, hoarder, replay, selective, silent, targetLeader, whisperer, withhold } from './timing.js'
import { liar, newViewLiar, viewPusher } from './view-changers.js'
import { badShares, badSums, lazy, twoFaced } from './voters.js'

const STRATEGIES: Readonly<Record<ByzantineStrategy, (context: AdversaryContext) => Adversary>> = {
  silent,
  crash,
  selective,
  replay,
  withhold,
  drip,
  flooder,
  'target-leader': targetLeader,
  equivocate: equivocator,
  split,
  'two-faced': twoFaced,
  lazy,
  framer,
  'sister-chain': sisterChain,
  're-signer': reSigner,
  'invalid-proposer': invalidProposer,
  'tip-rival': tipRival,
  'bad-certificates': badCertificates,
  liar,
  'view-pusher': viewPusher,
  'new-view-liar': newViewLiar,
  'sync-liar': syncLiar,
  forgetful,
  sleeper,
  mangler,
  'bad-shares': badShares,
  'bad-sums': badSums,
  hoarder,
  whisperer,
  hollow,
}

export function createAdversary(strategy: ByzantineStrategy, context: AdversaryContext): Adversary {
  if (context.peers.length === 0) return obedient(context)
  return new Learning(STRATEGIES[strategy](context), context)
}

class Learning implements Adversary {
  readonly #inner: Adversary
  readonly #context: AdversaryContext

  constructor(inner: Adversary, context: AdversaryContext) {
    this.#inner = inner
    this.#context = context
  }

  onSend(to: ValidatorIndex | 'all', message: Message): readonly Outgoing[] {
    this.#context.conspiracy.learn(message)
    return someCompact(this.#context, this.#inner.onSend(to, message))
  }

  onReceive(from: ValidatorIndex, message: Message): readonly Outgoing[] {
    this.#context.conspiracy.learn(message)
    return someCompact(this.#context, this.#inner.onReceive(from, message))
  }

  onTick(): readonly Outgoing[] {
    return someCompact(this.#context, this.#inner.onTick())
  }

  get gossips(): boolean {
    return this.#inner.gossips
  }
}
