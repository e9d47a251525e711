/**
 * `npm run differential -- metamath [--only databases|files|cut|proofs] [--theorems N] [--changes N] [--spoilt N] [--seed S] [--json]`: a kernel against an independent
 * checker. Exit code 0: they agree, up to what is documented as stricter; 7: something is accepted here and refused there, or file and
 * ledger disagree; 2: usage, or the other checker is not installed.
 */
import { parseArgs } from 'node:util'
import { compareDatabase, databases, isInstalled, mutateProofs, truncate, tryFiles } from './metamath.js'

const LIBRARY = new URL('../packages/proofs/library/propositional.mm', import.meta.url).pathname

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    theorems: { type: 'string', default: '200' },
    changes: { type: 'string', default: '100000' },
    spoilt: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})

if (positionals.length !== 1 || positionals[0] !== 'metamath')
  fail(`expected the kind to compare (metamath), got "${positionals.join(' ')}"`)
if (!isInstalled()) fail('the reference program is missing: apt-get install metamath metamath-databases')
const PARTS = ['databases', 'files', 'cut', 'proofs']
if (values.only !== undefined && !PARTS.includes(values.only)) fail(`expected --only ${PARTS.join(', ')}; got ${values.only}`)
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
const files = isWanted('files')
  ? tryFiles({ prefixStep: 1, spoilt: number('spoilt', values.spoilt), seed: number('seed', values.seed) })
  : {}
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
  ? mutateProofs(source, number('theorems', values.theorems), number('changes', values.changes), (done) => {
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

/** @param {string} name @param {string} text */
function number(name, text) {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) fail(`expected --${name} to be a positive integer, got ${text}`)
  return value
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`differential: ${message}`)
  process.exit(2)
}
