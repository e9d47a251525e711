/**
 * Writes the bundled instances: `node packages/proofs/tools/make-instances.js`, after `npm run build`. Each certificate is
 * checked before it is written. A test regenerates the formulas and compares, so run this after changing a generator.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { toHex } from '@aethel/codec'
import { BUNDLED_INSTANCES, checkLrat, claimIdOf, cnfToClaim, LRAT_KIND, toDimacs } from '../dist/index.js'

const folder = fileURLToPath(new URL('../instances/', import.meta.url))
const MOST_CERTIFICATE_BYTES = 60 * 1024

mkdirSync(folder, { recursive: true })
for (const file of readdirSync(folder)) if (/\.(cnf|lrat)$/.test(file)) rmSync(folder + file)

const manifest = []
for (const instance of BUNDLED_INSTANCES) {
  const formula = instance.formula()
  const cnf = toDimacs(formula)
  const lrat = instance.certificate()
  const verdict = checkLrat(cnf, lrat)
  if (verdict.status !== 'valid') throw new Error(`${instance.name}: ${verdict.code}: ${verdict.message}`)
  if (lrat.length > MOST_CERTIFICATE_BYTES)
    throw new Error(`${instance.name}: the certificate has ${lrat.length} bytes, too many to bundle`)
  const claim = cnfToClaim(cnf)
  if (!claim.ok) throw new Error(`${instance.name}: ${claim.error.message}`)
  writeFileSync(`${folder}${instance.name}.cnf`, cnf)
  writeFileSync(`${folder}${instance.name}.lrat`, lrat)
  manifest.push({
    name: instance.name,
    title: formula.name,
    variables: formula.variables,
    clauses: formula.clauses.length,
    lratBytes: lrat.length,
    claimId: toHex(claimIdOf(LRAT_KIND, claim.value)),
    gas: verdict.gas,
  })
}
writeFileSync(`${folder}manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`)
process.stdout.write(`${manifest.length} instances, ${manifest.reduce((sum, entry) => sum + entry.lratBytes, 0)} bytes of certificates\n`)
