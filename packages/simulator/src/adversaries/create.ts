/** Strategy by name. Each one first tells the conspiracy what it sees; strategies differ in what they send. */
import { type Adversary, type AdversaryContext, obedient } from './adversary.js'
import { forgetful, sleeper } from './beyond.js'
import { invalidProposer } from './invalid-blocks.js'
import { equivocator, split, tipRival } from './proposers.js'
import { framer, reSigner, sisterChain } from './signers.js'
import { badCertificates } from './spoil.js'
import type { ByzantineStrategy } from './strategies.js'
import { syncLiar } from './sync-liar.js'
import { crash, drip, flooder, replay, selective, silent, targetLeader, withhold } from './timing.js'
import { liar, newViewLiar, viewPusher } from './view-changers.js'
import { lazy, twoFaced } from './voters.js'

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
}

export function createAdversary(strategy: ByzantineStrategy, context: AdversaryContext): Adversary {
  if (context.peers.length === 0) return obedient(context)
  const inner = STRATEGIES[strategy](context)
  const { conspiracy } = context
  return {
    onSend: (to, message) => {
      conspiracy.learn(message)
      return inner.onSend(to, message)
    },
    onReceive: (from, message) => {
      conspiracy.learn(message)
      return inner.onReceive(from, message)
    },
    onTick: () => inner.onTick(),
    get gossips() {
      return inner.gossips
    },
  }
}
