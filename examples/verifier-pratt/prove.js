#!/usr/bin/env node
/** `node prove.js NUMBER [NAME]`: writes NAME.claim and NAME.proof, ready for `aethel submit NAME.claim --kind pratt/1 --proof NAME.proof`. */
import { writeFileSync } from 'node:fs'
import { certificateOf, toBytes } from './certificate.js'

const [number = '', name = 'prime'] = process.argv.slice(2)
if (!/^[1-9][0-9]*$/.test(number)) {
  console.error('usage: node prove.js NUMBER [NAME]')
  process.exit(2)
}
const n = BigInt(number)
const proof = certificateOf(n)
if (proof === undefined) {
  console.error(`no certificate found for ${number}: it is not prime, or the factors of a p - 1 are too large for trial division`)
  process.exit(3)
}
writeFileSync(`${name}.claim`, toBytes(n))
writeFileSync(`${name}.proof`, proof)
console.log(`${name}.claim, ${name}.proof: ${number} is prime, ${proof[0]} lines, ${proof.length} bytes`)
