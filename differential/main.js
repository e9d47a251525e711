/**
 * `npm run differential -- metamath [--only databases|files|cut|proofs] [--theorems N] [--changes N] [--spoilt N] [--seed S] [--json]`: a kernel against an independent
 * checker. Exit code 0: they agree, up to what is documented as stricter; 7: something is accepted here and refused there, or file and
 * ledger disagree; 2: usage, or the other checker is not installed.
 */
import { readArguments, UsageError, wholeNumberOf } from '../tools/arguments.js'
import { compareDatabase, databases, isInstalled, mutateProofs, truncate, tryFiles } from './metamath.js'

const LIBRARY = new URL('../packages/proofs/library/propositional.mm', import.meta.url).pathname

const PARTS = ['databases', 'files', 'cut', 'proofs']

const values = readArguments(
  {
    tool: 'differential',
    usage: `npm run differential -- metamath [--only ${PARTS.join('|')}] [--theorems N] [--changes N] [--spoilt N] [--seed S] [--json]`,
    options: {
      only: { type: 'string' },
      theorems: { type: 'string', default: '200' },
      changes: { type: 'string', default: '100000' },
      spoilt: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
    takesNames: true,
  },
  ({ only, theorems, changes, spoilt, seed, json }, names) => {
    if (names.length !== 1 || names[0] !== 'metamath')
      throw new UsageError(`expected the kind to compare (metamath), got "${names.join(' ')}"`)
    if (!isInstalled()) throw new UsageError('the reference program is missing: apt-get install metamath metamath-databases')
    if (only !== undefined && !PARTS.includes(only)) throw new UsageError(`expected --only ${PARTS.join(', ')}; got ${only}`)
    return {
      only,
      theorems: wholeNumberOf('theorems', theorems, 1, Number.MAX_SAFE_INTEGER),
      changes: wholeNumberOf('changes', changes, 1, Number.MAX_SAFE_INTEGER),
      spoilt: wholeNumberOf('spoilt', spoilt, 1, Number.MAX_SAFE_INTEGER),
      seed: wholeNumberOf('seed', seed, 1, Number.MAX_SAFE_INTEGER),
      json: json === true,
    }
  },
)

/** @param {string} part */
const isWanted = (part) => values.only === undefined || values.only === part
const say = values.json ? () => undefined : console.log

const compared = (isWanted('databases') ? databases() : []).map((path) => {
  const result = compareDatabase(path)
  say(
    `${result.agree ? 'agree   ' : 'DISAGREE'} ${path}: ${result.theorems} theorems, ${result.here ? 'valid' : 'refused'} here, ${result.there ? 'valid' : 'refused'} there`,
  )
  return result
})
const files = isWanted('files') ? tryFiles({ prefixStep: 1, spoilt: values.spoilt, seed: values.seed }) : {}
for (const [name, report] of Object.entries(files)) {
  say(
    `${name}: ${report.tried} tried, ${report.bothAccept} valid and ${report.bothRefuse} refused in both, stricter here ${JSON.stringify(report.stricter)}, ${report.crashes} crashes there, ${report.falsehoods.length} falsehoods`,
  )
  for (const { reason, input } of report.falsehoods) say(`  accepted here, refused there (${reason}):\n${input}`)
}
const cut = isWanted('cut') ? truncate(LIBRARY, { fileStep: 1, theorems: Number.POSITIVE_INFINITY }) : null
if (cut !== null) {
  say(
    `cut at every byte: ${cut.file.tried} prefixes of the bundled library, ${cut.file.accepted} valid in both, ${cut.file.falsehoods.length} here only; ${cut.proofs.theorems} proofs cut behind every letter, ${cut.proofs.tried} tried, ${cut.proofs.accepted} valid, ${cut.proofs.disagreements.length} disagreements; ${cut.ledger.tried} prefixes of claims and certificates, ${cut.ledger.accepted.length} accepted`,
  )
  for (const line of [...cut.proofs.disagreements, ...cut.ledger.accepted]) say(`  ${line}`)
  for (const { length, reason } of cut.file.falsehoods) say(`  accepted here, refused there, cut at ${length}: ${reason}`)
}
const source = databases().at(-1) ?? LIBRARY
const proofs = isWanted('proofs')
  ? mutateProofs(source, values.theorems, values.changes, (done) => {
      if (done % 10 === 0) say(`  ${done} proofs`)
    })
  : null
if (proofs !== null) {
  say(
    `one symbol changed: ${proofs.theorems} proofs of ${source}, ${proofs.tried} changes, ${proofs.accepted} valid, stricter here ${JSON.stringify(proofs.stricter)}, ${proofs.disagreements.length} disagreements`,
  )
  for (const line of proofs.disagreements) say(`  ${line}`)
}
if (values.json) console.log(JSON.stringify({ databases: compared, files, cut, proofs }, null, 2))
const bad =
  compared.some(({ agree }) => !agree) ||
  Object.values(files).some(({ falsehoods }) => falsehoods.length > 0) ||
  (cut !== null && cut.file.falsehoods.length + cut.proofs.disagreements.length + cut.ledger.accepted.length > 0) ||
  (proofs !== null && proofs.disagreements.length > 0)
process.exitCode = bad ? 7 : 0
