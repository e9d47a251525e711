/**
 * `npm run model`: explores the Quint model with its TypeScript simulator, offline and from fixed seeds. The sound instances must
 * keep every invariant and show every witness; each broken instance must lose agreement. Exit code 1 if not.
 *
 *   npm run model -- [--seed S] [--traces T]     exploration, T traces per sound instance
 *   npm run model -- --only NAME                 one instance
 *   npm run model -- --replay COUNT [--seed S]   COUNT fresh traces, replayed against packages/consensus
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { readArguments, UsageError, wholeNumberOf } from '../tools/arguments.js'
import { traceOf } from './traces.js'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const QUINT = join(dirname(createRequire(import.meta.url).resolve('@informalsystems/quint/package.json')), 'dist/src/cli.js')
const CACHE = join(ROOT, '.cache/model')
const INVARIANTS = [
  'agreement',
  'oneCertificatePerSlot',
  'committedBlocksAreKept',
  'oneVotePerSlot',
  'commitsFollowPrepares',
  'viewChangesRemember',
]
const WITNESSES = [
  'somethingCommits',
  'viewChangeWithPreparedCertificate',
  'tipProposedAgain',
  'heightTwoCommitsInViewTwo',
  'newViewOnCommitCertificate',
  'restartedWhileChanging',
]
const STEPS = 40
const BROKEN_STEPS = 45
const REPLAY_STEPS = 30
/** Quint keeps the states of all traces it is to write in memory; one process writes this many. */
const TRACES_PER_RUN = 204
const SOUND = [
  { name: 'sound4', validators: 4 },
  { name: 'sound6', validators: 6 },
]
/** Searched from the seed for at most that many traces; `narrowStep` (pbft.qnt) where plain weights rarely get there. */
const BROKEN = [
  { name: 'smallQuorum', rule: 'quorum 2f+1 at N = 6', step: 'step', seed: 1, traces: 500 },
  { name: 'twoByzantine', rule: 'two Byzantine validators at N = 4', step: 'step', seed: 1, traces: 500 },
  { name: 'ancestorsOneByOne', rule: 'ancestors of the tip proposed again one by one', step: 'narrowStep', seed: 1, traces: 2000 },
  { name: 'heightBeforeView', rule: 'highest certificate by height before view', step: 'narrowStep', seed: 1, traces: 2000 },
  { name: 'commitAfterViewChange', rule: 'COMMIT sent after VIEW-CHANGE', step: 'step', seed: 1, traces: 500 },
]

const values = readArguments(
  {
    tool: 'model',
    usage: 'npm run model -- [--seed S] [--traces T] [--only NAME], or npm run model -- --replay COUNT [--seed S]',
    options: {
      seed: { type: 'string', default: '1' },
      traces: { type: 'string', default: '100' },
      only: { type: 'string' },
      replay: { type: 'string' },
      corpus: { type: 'string' },
    },
  },
  ({ seed, traces, only, replay, corpus }) => {
    const names = [...SOUND, ...BROKEN].map(({ name }) => name)
    if (only !== undefined && !names.includes(only)) throw new UsageError(`expected --only ${names.join(', ')}; got ${only}`)
    return {
      seed: wholeNumberOf('seed', seed, 1, 1_000_000),
      traces: wholeNumberOf('traces', traces, 1, 1_000_000),
      replay: replay === undefined ? undefined : wholeNumberOf('replay', replay, 1, 1_000_000),
      only,
      corpus,
    }
  },
)

/** @param {string} instance @param {readonly string[]} options */
function quint(instance, options) {
  const input = relative(ROOT, join(ROOT, 'spec/instances.qnt'))
  const run = spawnSync(
    process.execPath,
    [QUINT, 'run', input, '--backend=typescript', `--main=${instance}`, '--verbosity=1', ...options],
    {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  const text = `${run.stdout}${run.stderr}`
  const violated = text.includes('[violation]')
  if (run.status !== 0 && !violated) {
    console.error(`quint could not run instance ${instance}:\n${text}`)
    process.exit(1)
  }
  return { violated, text }
}

function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}

/** @returns {boolean} whether it is as it should be */
function exploreSound({ name, validators }, seed, traces) {
  const since = performance.now()
  const { violated, text } = quint(name, [
    `--seed=${seed}`,
    `--max-samples=${traces}`,
    `--max-steps=${STEPS}`,
    '--invariants',
    ...INVARIANTS,
    '--witnesses',
    ...WITNESSES,
  ])
  console.log(`${name}: N = ${validators}, one Byzantine; seed ${seed}, ${traces} traces of up to ${STEPS} steps, ${seconds(since)}`)
  if (violated) {
    console.log(`  VIOLATED\n${text}`)
    return false
  }
  console.log(`  kept: ${INVARIANTS.join(', ')}`)
  let good = true
  for (const witness of WITNESSES) {
    const seen = Number(new RegExp(`${witness} was witnessed in (\\d+) trace`).exec(text)?.[1] ?? 0)
    console.log(`  seen in ${String(seen).padStart(4)} traces: ${witness}`)
    if (seen === 0) good = false
  }
  if (!good) console.log('  a witness was not seen: too few traces, or the model cannot do what it should')
  return good
}

function exploreBroken({ name, rule, step, seed, traces }) {
  const since = performance.now()
  const options = [`--seed=${seed}`, `--max-samples=${traces}`, `--max-steps=${BROKEN_STEPS}`, `--step=${step}`, '--invariant=agreement']
  const { violated, text } = quint(name, options)
  const found = /--seed=(0x[0-9a-f]+)/.exec(text)?.[1]
  console.log(`${name} (${rule}): --step=${step}, seed ${seed}, up to ${traces} traces of ${BROKEN_STEPS} steps, ${seconds(since)}`)
  console.log(
    violated
      ? `  agreement is lost, as it must be (trace seed ${found})`
      : '  NOT FOUND: agreement held, so the model does not see this fault',
  )
  return violated
}

/** Quint's generator counts up from its seed, so that neighbouring seeds soon produce the same traces: these lie 2^32 draws apart. */
function streamOf(seed, run) {
  return (BigInt(seed) * 1024n + BigInt(run)) * 2n ** 32n
}

function generate(count, seed) {
  rmSync(CACHE, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  const lines = []
  for (let run = 0; lines.length < count; run++) {
    const instance = SOUND[run % SOUND.length]
    const traces = Math.min(TRACES_PER_RUN, count - lines.length)
    // Quint numbers its files only if there are several.
    const wanted = Math.max(2, traces)
    quint(instance.name, [
      `--seed=${streamOf(seed, Math.floor(run / SOUND.length))}`,
      `--max-samples=${wanted}`,
      `--n-traces=${wanted}`,
      `--max-steps=${REPLAY_STEPS}`,
      `--out-itf=${join(CACHE, 'trace_{seq}.itf.json')}`,
    ])
    for (let i = 0; i < traces; i++) {
      const itf = JSON.parse(readFileSync(join(CACHE, `trace_${i}.itf.json`), 'utf8'))
      lines.push(JSON.stringify(traceOf(itf, instance.validators)))
    }
    console.log(`${lines.length} of ${count} traces`)
  }
  const distinct = new Set(lines)
  console.log(`${distinct.size} of them are distinct`)
  return `${[...distinct].join('\n')}\n`
}

function replayFresh(count, seed) {
  const since = performance.now()
  const file = join(CACHE, 'traces.ndjson')
  const text = generate(count, seed)
  writeFileSync(file, text)
  if (values.corpus !== undefined) writeFileSync(values.corpus, brotliCompressSync(text))
  console.log(
    `${count} traces of up to ${REPLAY_STEPS} steps from seed ${seed}, ${seconds(since)}; replaying them against packages/consensus`,
  )
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const run = spawnSync(process.execPath, [vitest, 'run', 'packages/consensus/test/model.test.ts'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, AETHEL_MODEL_TRACES: file },
  })
  return run.status === 0
}

function explore(seed, traces) {
  const chosen = (instance) => values.only === undefined || instance.name === values.only
  const sound = SOUND.filter(chosen).map((instance) => exploreSound(instance, seed, traces))
  const broken = BROKEN.filter(chosen).map(exploreBroken)
  return [...sound, ...broken].every(Boolean)
}

const good = values.replay === undefined ? explore(values.seed, values.traces) : replayFresh(values.replay, values.seed)
process.exitCode = good ? 0 : 1
