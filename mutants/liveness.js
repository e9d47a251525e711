/** Timers, back-off, and the order in which transactions get their turn (docs/protocol.md §8, §4 "when to propose"). */
import { simulation, tests } from './lib/mutant.js'

const LEADER_TESTS = tests('packages/replica/src/leader-watch.test.ts')
const STARVATION = 'packages/replica/src/starvation.ts'
const VIEW_CHANGE = 'packages/consensus/src/view-change.ts'
const TIMERS = 'packages/consensus/src/timers.ts'
const CATCH_UP = 'packages/consensus/src/catch-up.ts'
const CONSENSUS = 'packages/consensus/src/consensus.ts'
const REPLICA = 'packages/replica/src/replica.ts'
const ORDERING = 'packages/replica/src/ordering.ts'
const SCHEDULER = 'packages/replica/src/scheduler.ts'
const MEMPOOL = 'packages/replica/src/mempool.ts'
const ADMISSION = 'packages/replica/src/admission.ts'

const COMPLAINTS = 'packages/consensus/src/complaints.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const liveness = [
  {
    id: 'complaints-without-consequence',
    traps: ['D1', 'D9'],
    bug: 'a leader of whom a quorum complains keeps its view',
    edits: [
      {
        file: COMPLAINTS,
        before: 'if (reason !== null && isQuorum(state.config.validators, power)) {',
        after: 'if (reason !== null && power < 0n) {',
      },
    ],
    hunt: tests('packages/consensus/src/liveness.test.ts'),
  },
  {
    id: 'own-complaint-is-enough',
    traps: ['D1'],
    bug: 'a single dissatisfied replica leaves the view, and takes its vote out of it',
    edits: [
      {
        file: COMPLAINTS,
        before: 'if (reason !== null && isQuorum(state.config.validators, power)) {',
        after: 'if (reason !== null && power > 0n) {',
      },
    ],
    hunt: tests('packages/consensus/src/liveness.test.ts'),
  },
  {
    id: 'no-view-timer',
    traps: ['D1', 'D3'],
    bug: 'the view timer is never set: a silent leader stays for ever',
    edits: [{ file: TIMERS, before: '  else if (!state.viewTimerRunning) restartViewTimer(state)\n', after: '' }],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'timer-runs-while-changing',
    traps: ['D2'],
    bug: 'the timer of a view change starts before a quorum asks for it',
    edits: [
      {
        file: VIEW_CHANGE,
        before: 'if (!state.phase.timerRunning && isAskedFor) {',
        after: 'if (!state.phase.timerRunning) {',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'extended-timer-believes-the-clock',
    traps: ['D2'],
    bug: 'a running view timer that is extended waits for as long as the clock was put back',
    edits: [
      {
        file: TIMERS,
        before: 'const elapsedMs = Math.min(forMs, Math.max(0, state.nowMs - setAtMs))',
        after: 'const elapsedMs = Math.min(forMs, state.nowMs - setAtMs)',
      },
    ],
    hunt: tests('packages/consensus/src/liveness.test.ts'),
  },
  {
    id: 'new-view-timer-missing',
    traps: ['B3', 'D2'],
    bug: 'a leader that never sends its NEW-VIEW is waited for without end',
    edits: [
      {
        file: VIEW_CHANGE,
        before: '    state.phase.timerRunning = true\n    restartViewTimer(state)\n',
        after: '    state.phase.timerRunning = true\n',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'back-off-without-cap',
    traps: ['D2'],
    bug: 'timeouts double without a limit',
    edits: [
      {
        file: TIMERS,
        before: 'return Math.min(timers.capMs, Math.ceil(base * 2 ** doublings))',
        after: 'return Math.ceil(base * 2 ** doublings)',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'nearest-quorum-of-heads',
    traps: ['D2'],
    bug: 'the nearest quorum is one of heads: validators with little power stretch the view timer of all',
    edits: [
      {
        file: TIMERS,
        before: 'power += validators.validators[index]?.power ?? 0n',
        after: 'power += validators.totalPower / BigInt(nearestFirst.length)',
      },
    ],
    hunt: tests('packages/consensus/src/liveness.test.ts'),
  },
  {
    id: 'back-off-without-reset',
    traps: ['D2'],
    bug: 'timeouts stay doubled after progress',
    edits: [{ file: TIMERS, before: 'state.view - state.progressView - 1', after: 'state.view - 1' }],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'no-back-off',
    traps: ['D2'],
    bug: 'timeouts never grow',
    edits: [{ file: TIMERS, before: 'const doublings = Math.min(MAX_DOUBLINGS,', after: 'const doublings = Math.min(0,' }],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'idle-network-changes-views',
    traps: ['D2', 'D5'],
    bug: 'the view timer runs although there is nothing to order',
    edits: [
      {
        file: TIMERS,
        before: 'if (state.work.waiting > 0 || state.accepted.size > 0 || state.certified.size > 0) return true',
        after: 'if (state.work.waiting >= 0) return true',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'laggard-leaves-the-view',
    traps: ['D3', 'D5'],
    bug: 'a replica that is behind blames the leader, and takes its vote out of a view that works',
    edits: [
      {
        file: CONSENSUS,
        before: "if (state.phase.kind === 'active' && isLaggard(state)) return syncIfBehind(state)",
        after: 'if (state.nowMs < 0 && isLaggard(state)) return syncIfBehind(state)',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'one-claim-makes-a-laggard',
    traps: ['D3', 'E4'],
    bug: "one validator's claim of a height is enough to hold back a view change",
    edits: [
      {
        file: CATCH_UP,
        before: '  return isWeakQuorum(validators, power)\n',
        after: '  return power > 0n || isWeakQuorum(validators, power)\n',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'mempool-starves-the-easy',
    traps: ['D9'],
    bug: 'highest difficulty first, without a bound on waiting',
    edits: [
      {
        file: SCHEDULER,
        before: 'if (oldest !== undefined && oldest.arrivedAtHeight + this.#options.maxWaitBlocks <= this.#height) return oldest',
        after: 'if (oldest === undefined) return undefined',
      },
    ],
    hunt: tests('packages/replica/src/scheduler.test.ts'),
  },
  {
    id: 'gossip-said-once',
    traps: ['D9'],
    bug: 'a transaction is told to the other validators once; if that is lost, only its own validator knows it',
    edits: [
      {
        file: 'packages/replica/src/offering.ts',
        before: "this.#host.gossip(peers, rounds.regossip(goesToAll ? 'all' : 'some', isFarBehind))",
        after: "rounds.regossip(goesToAll ? 'all' : 'some', isFarBehind)",
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'clients-of-a-laggard-unheard',
    traps: ['D9'],
    bug: 'what clients bring to a validator that is far behind and alone is told to nobody until it has caught up, or 16 ticks have passed',
    edits: [
      {
        file: 'packages/replica/src/offering.ts',
        before: '    if (peers.length > 0) this.#host.gossip(peers, this.#host.rounds.oldestOfClients())\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'clients-of-a-laggard-told-at-every-tick',
    traps: ['E1'],
    bug: 'who is far behind tells who has connected the same at every tick, on a line that it needs for blocks',
    edits: [
      {
        file: 'packages/replica/src/offering.ts',
        before: "    for (const peer of peers) this.#toGreet.set(peer, 'told-of-clients')\n",
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'laggard-greets-with-all',
    traps: ['E1'],
    bug: 'who is far behind tells who connects of a thousand transactions',
    edits: [
      {
        file: 'packages/replica/src/mempool-rounds.ts',
        before: 'this.#oldestThat(REGOSSIP_BEHIND, (',
        after: 'this.#oldestThat(GOSSIP_ON_CONNECT, (',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'laggard-passes-on-what-peers-sent',
    traps: ['E1'],
    bug: 'who is far behind tells who connects of what others told it, before what its own clients brought',
    edits: [
      {
        file: 'packages/replica/src/mempool-rounds.ts',
        before: "({ from }) => from === 'client'",
        after: '() => true',
      },
    ],
    hunt: tests('packages/replica/src/mempool-rounds.test.ts'),
  },
  {
    id: 'executed-stays-in-the-mempool',
    traps: ['B12', 'B10'],
    bug: 'what was committed stays in the mempool, and is proposed again',
    edits: [
      { file: ORDERING, before: '      this.#remove(mempool.byKey(transaction.idKey))\n', after: '' },
      { file: ORDERING, before: '    this.#clear(committed)\n', after: '    this.#clear([])\n' },
      {
        file: REPLICA,
        before: 'this.#desk.wakeClaim(work.claimId)\n    this.#ordering.dropImpossible()\n',
        after: 'this.#desk.wakeClaim(work.claimId)\n',
      },
      {
        file: ORDERING,
        before: "    if (readiness.status === 'never') this.drop(item, readiness)\n",
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'lost-proposal-not-ordered-again',
    traps: ['B1', 'D9'],
    bug: 'transactions of a proposal that a view change abandoned are not ordered again',
    edits: [
      {
        file: ORDERING,
        before: '    scheduler.reset(ground.state, ground.tip.hash, ground.tip.height)\n    this.dropImpossible()\n',
        after: '',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'sender-without-quota',
    traps: ['D9', 'E1'],
    bug: 'one account may fill the mempool',
    edits: [
      {
        file: MEMPOOL,
        before: 'if (this.countOf(transaction.sender) >= perSender) return senderQuota(perSender)',
        after: 'if (perSender < 0) return senderQuota(perSender)',
      },
    ],
    hunt: tests('packages/replica/src/mempool.test.ts'),
  },
  {
    id: 'mempool-without-limit',
    traps: ['E1'],
    bug: 'the mempool grows without bound',
    edits: [
      {
        file: MEMPOOL,
        before: 'while (count > mostCount || bytes > mostBytes) {',
        after: 'while (count < 0 || bytes > Number.MAX_SAFE_INTEGER - mostCount - mostBytes) {',
      },
    ],
    hunt: tests('packages/replica/src/mempool.test.ts'),
  },
  {
    id: 'waiting-room-without-limit',
    traps: ['E1'],
    bug: 'transactions that wait for a citation are kept without bound',
    edits: [
      {
        file: ADMISSION,
        before: 'if (this.#waitingCount >= this.#context.limits.waiting) return this.#drop(pending, CITATION_UNKNOWN)',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'slow-leader-pleases',
    traps: ['D1'],
    bug: 'a leader that delivers a drip just before each timeout is never found slow',
    edits: [
      { file: 'packages/replica/src/leader-throughput.ts', before: 'return blocks * allowedMs < elapsedMs', after: 'return blocks < 0' },
    ],
    hunt: LEADER_TESTS,
  },
  {
    id: 'drip-sets-the-measure',
    traps: ['D1'],
    bug: 'what is expected of a leader is what the last one delivered, so a row of slow ones lowers it',
    edits: [
      {
        file: 'packages/replica/src/leader-throughput.ts',
        before: 'if (this.#history.length > this.#viewsKept) this.#history.shift()',
        after: 'if (this.#history.length > 1) this.#history.shift()',
      },
    ],
    hunt: LEADER_TESTS,
  },
  {
    id: 'idle-leader-is-slow',
    traps: ['D1', 'D2'],
    bug: 'a leader that has nothing to propose is found slow, and voted out for it',
    edits: [
      {
        file: 'packages/replica/src/leader-throughput.ts',
        before: 'if (allowedMs === null || sample.oldestWaitMs <= allowedMs + 2 * sample.elapsedMs) this.#loaded = []',
        after: 'if (allowedMs === null) this.#loaded = []',
      },
    ],
    hunt: LEADER_TESTS,
  },
  {
    id: 'starved-sender-unseen',
    traps: ['D9'],
    bug: 'a leader may leave out one sender for ever, however much room its blocks have',
    edits: [{ file: STARVATION, before: 'if (this.#hasRoom(fill, watch.item)) watch.passedWithRoom++', after: '' }],
    hunt: LEADER_TESTS,
  },
  {
    id: 'starved-one-crowded-out',
    traps: ['D9'],
    bug: 'newer transactions take the place of the one that is being starved',
    edits: [
      {
        file: STARVATION,
        before: 'if (this.#watched.size < MAX_WATCHED)\n      this.#watched.set',
        after: 'if (this.#watched.size >= MAX_WATCHED) this.#watched.delete([...this.#watched.keys()][0] as string)\n    this.#watched.set',
      },
    ],
    hunt: LEADER_TESTS,
  },
  {
    id: 'next-epoch-at-the-tick',
    traps: ['D3'],
    bug: 'a replica that is behind by many epochs waits for a tick at the beginning of each',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before: 'if (ahead === null) return [start]',
        after: 'if (ahead === null || ahead.epoch > epoch) return [start]',
      },
    ],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'round-trips-forgotten',
    traps: ['D2'],
    bug: 'an epoch begins as if its validators were all next door: the first views of each are left too soon',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before: 'createConsensus({ ...this.#config, roundTripsMs }, durable)',
        after: 'createConsensus({ ...this.#config, roundTripsMs: roundTripsMs.slice(validators.length) }, durable)',
      },
    ],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'complaints-outlive-their-view',
    traps: ['D1'],
    bug: 'what was said about the leader before counts against the next one',
    edits: [
      {
        file: COMPLAINTS,
        before: 'status.view === state.view && status.phase',
        after: 'status.phase',
      },
    ],
    hunt: tests('packages/consensus/src/liveness.test.ts'),
  },
  {
    id: 'progress-goes-back',
    traps: ['D2'],
    bug: 'a commit of an early view, which whoever was behind is shown, brings back a back-off that was over',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: '  state.progressView = certificate.view > state.progressView ? certificate.view : state.progressView\n',
        after: '  state.progressView = certificate.view\n',
      },
    ],
    hunt: tests('packages/consensus/src/liveness.test.ts'),
  },
  {
    id: 'commit-leaves-the-timer-running',
    traps: ['D2'],
    bug: 'a commit does not give the leader a full timeout for the next block',
    edits: [
      {
        file: TIMERS,
        before: "  if (state.phase.kind === 'active') stopViewTimer(state) // settleViewTimer sets it anew if there is more to do\n",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'patience-does-not-grow',
    traps: ['D1'],
    bug: 'whoever has a wrong measure of leaders ends view after view at the same short intervals',
    edits: [
      {
        file: 'packages/replica/src/leader-watch.ts',
        before: '    if (this.#complaint !== null) this.#doublings = Math.min(MAX_PATIENCE_DOUBLINGS, this.#doublings + 1)\n',
        after: '',
      },
    ],
    hunt: LEADER_TESTS,
  },
  {
    id: 'tip-is-no-work',
    traps: ['B1', 'D1'],
    bug: 'where no transaction waits, a leader that does not propose the tip again is waited for without end',
    edits: [
      {
        file: TIMERS,
        before: "  return phase.kind === 'active' && phase.base.kind === 'tip' && phase.base.firstHeight > state.committed.height\n",
        after: "  return phase.kind !== 'active' && state.nowMs < 0\n",
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'quota-of-the-unverified-alone',
    traps: ['D9'],
    bug: 'what an account has in the mempool does not count against its quota: it has twice its share',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: 'const bySender = this.#countPending(transaction.sender) + mempool.countOf(transaction.sender)',
        after: 'const bySender = this.#countPending(transaction.sender)',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'refused-bytes-stay-taken',
    traps: ['E1'],
    bug: 'the bytes of transactions that were refused are not given back: after a while nothing is taken in any more',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '    this.#pendingBytes -= transaction.bytes.length\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'refused-count-against-the-sender',
    traps: ['D9'],
    bug: 'transactions that were refused count against the quota of their account for ever',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '    const count = this.#countPending(transaction.sender) - 1\n',
        after: '    const count = this.#countPending(transaction.sender)\n',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'claim-of-two-proofs-wakes-nobody',
    traps: ['B9'],
    bug: 'a claim whose second proof was refused is not known, and who cites it is not woken when the first is admitted',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '    if (transaction.work !== null) this.wakeClaim(transaction.work.claimId)\n  }\n\n  // --- blobs',
        after: '  }\n\n  // --- blobs',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'second-client-is-nobody',
    traps: ['D9'],
    bug: 'a transaction that a peer brought and then a client of ours is not passed on',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '    pending.wanted = true\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'claims-of-the-refused-stay',
    traps: ['E1'],
    bug: 'claims of transactions that are gone are kept for ever, and cited',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '    if (this.#pendingClaims.get(key) === transaction) this.#pendingClaims.delete(key)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'last-byte-of-a-block',
    traps: ['D9'],
    bug: 'a transaction that fills a block to its last byte waits for ever',
    edits: [
      {
        file: 'packages/replica/src/scheduler.ts',
        before: 'if (bytes + transaction.bytes.length > limits.bytes ||',
        after: 'if (bytes + transaction.bytes.length >= limits.bytes ||',
      },
    ],
    hunt: tests('packages/replica/src/scheduler.test.ts'),
  },
  {
    id: 'patience-never-comes-down',
    traps: ['D1'],
    bug: 'a replica that once complained waits 32 times as long before it complains again, however long all was well',
    edits: [
      {
        file: 'packages/replica/src/leader-watch.ts',
        before: 'if (this.#complaint === null && ageMs > FORGETTING_PATIENCES * patienceMs) this.#doublings = 0',
        after: 'if (false) this.#doublings = 0',
      },
    ],
    hunt: tests('packages/replica/src/leader-watch.test.ts'),
  },
  {
    id: 'blamed-for-the-last-leader',
    traps: ['D9'],
    bug: 'what the last leader left out convicts the next one at once',
    edits: [
      {
        file: 'packages/replica/src/leader-watch.ts',
        before: '    this.starvation.beginView(at.nowMs)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/leader-watch.test.ts'),
  },
  {
    id: 'complaints-do-not-coincide',
    traps: ['D1'],
    bug: 'a complaint about speed stands for a tick: those of the others come at other moments, and no quorum agrees',
    edits: [
      {
        file: 'packages/replica/src/leader-watch.ts',
        before: 'this.#standsFor = COMPLAINT_TICKS\n',
        after: 'this.#standsFor = 1\n',
      },
    ],
    hunt: tests('packages/replica/src/leader-watch.test.ts'),
  },
  {
    id: 'dropped-and-not-told',
    traps: ['D9'],
    bug: 'a client that waits for a transaction is not told that it was let go',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: "        this.#settlements.settle(keyOf(effect.id), { status: 'refused', refusal: effect.refusal })\n",
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'refusal-not-remembered',
    traps: ['D9'],
    bug: 'a client that asks later does not hear why its transaction was refused',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: '          this.#settlements.remember(admission.id, admission.refusal)\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'turns-of-clients-lost',
    traps: ['D9'],
    bug: 'where looking at the line takes longer than a turn, clients lose theirs again and again',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: '(taken === 0 || this.#now() < until)',
        after: 'this.#now() < until',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'slow-machine-takes-nothing',
    traps: ['D9'],
    bug: 'where looking at the clock takes longer than a turn, no transaction is ever looked at',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: '    while (!this.#options.isStopped()) {\n',
        after: '    while (!this.#options.isStopped() && this.#now() < until) {\n',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'rest-of-the-line-waits',
    traps: ['D9'],
    bug: 'transactions that were not looked at in one turn wait until somebody sends another',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: 'return this.#arrivals.size > 0\n',
        after: 'return false\n',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'good-ones-lost-with-the-bad',
    traps: ['D9'],
    bug: 'good transactions that a peer sent before a bad one are lost with it',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: '        blame(from, decoded.error)\n        break',
        after: '        return blame(from, decoded.error)',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'flood-taken-as-one',
    traps: ['D9'],
    bug: 'all that a peer has in line is taken at once, before anybody else has a turn',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: 'for (let taken = 0; taken < PER_INPUT; taken++) {\n      const bytes',
        after: 'for (;;) {\n      const bytes',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'what-came-back-is-not-hastened',
    traps: ['D9'],
    bug: 'a proof that a thread handed back does not move up when a block needs it',
    edits: [
      {
        file: 'packages/node/src/proof-queue.ts',
        before: 'this.#mempool.get(key) ?? this.#back.mempool.find((each) => each.key === key)',
        after: 'this.#mempool.get(key)',
      },
    ],
    hunt: tests('packages/node/src/proof-queue.test.ts'),
  },
  {
    id: 'blobs-fill-no-block',
    traps: ['D1'],
    bug: 'a leader whose blocks are full of blobs counts as one whose blocks are empty',
    edits: [
      {
        file: 'packages/replica/src/leader-watch.ts',
        before: 'blobBytes === undefined ? 0 : fill.blobBytes / blobBytes',
        after: 'blobBytes === undefined ? 0 : 0',
      },
    ],
    hunt: tests('packages/replica/src/leader-watch.test.ts'),
  },
  {
    id: 'room-for-a-blob-not-asked',
    traps: ['D9'],
    bug: 'a block counts as one with room for a transaction although its blobs leave none for the own one: an honest leader is voted out',
    edits: [
      {
        file: 'packages/replica/src/starvation.ts',
        before: 'return blob === undefined || blobBytes === undefined || fill.blobBytes + blob.bytes <= blobBytes',
        after: 'return blob === undefined || blobBytes !== undefined || fill.blobBytes <= 0',
      },
    ],
    hunt: tests('packages/replica/src/leader-watch.test.ts'),
  },
]
