/**
 * `metamath/1` as the network sees it: claims of the libraries of genesis, certificates that cite claims by content.
 * A verdict is a function of the libraries, the claim, the certificate and the cited statements, never of what this
 * instance has seen before.
 */
import { assert, decode, equalBytes, err, type Hash, keyOf, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { MeterExhausted } from '../meter.js'
import type { CitedClaims, ClaimReference, Meter, ParsedClaim, ProofVerifier, Verdict, VerifierLimits } from '../verifier.js'
import { citationsIn, MAX_CERTIFICATE_BYTES, type MetamathCertificate, readCertificate } from './certificate.js'
import { ClaimParser, libraryOf, MAX_CLAIM_BYTES, METAMATH_KIND, type MetamathClaim } from './claim.js'
import { explain, type Names } from './explain.js'
import { GAS, GAS_BATCH, MAX_SLOTS } from './gas.js'
import { buildLexicon, type Lexicon, VARIABLE_ROLE } from './lexicon.js'
import type { LibraryDefinition } from './library.js'
import { type Fault, Machine } from './machine.js'
import { asciiText } from './tokens.js'

/** The largest proofs of set.mm take 1,367,764 gas, 160,967 words and 49,394 bytes. */
export const METAMATH_LIMITS: VerifierLimits = {
  claimBytes: MAX_CLAIM_BYTES,
  proofBytes: MAX_CERTIFICATE_BYTES,
  gas: 10_000_000,
  memoryWords: 16_777_216,
}

/** Letters paid for before they are decoded; as many as a batch of gas pays. */
const LETTERS_AT_A_TIME = 1_024

/** Statements kept parsed, in two generations of this size and of so many bytes of claims: all of set.mm. */
const STATEMENTS_PER_GENERATION = 32_768
const BYTES_PER_GENERATION = 1 << 24

interface Shelf {
  readonly lexicon: Lexicon
  readonly parser: ClaimParser
}

/** A verifier for these libraries. A malformed library is a bug of the caller: `decodeLibrary` refuses it politely. */
export function metamathVerifier(
  libraries: readonly LibraryDefinition[],
  limits: VerifierLimits = METAMATH_LIMITS,
): ProofVerifier<MetamathClaim> {
  return new MetamathVerifier(libraries, limits)
}

class MetamathVerifier implements ProofVerifier<MetamathClaim> {
  readonly kind: string = METAMATH_KIND
  readonly limits: VerifierLimits
  readonly #shelves = new Map<string, Shelf>()
  readonly #statements = new StatementCache()
  readonly #machine = new Machine()

  constructor(libraries: readonly LibraryDefinition[], limits: VerifierLimits) {
    this.limits = limits
    for (const { name, constants, variables } of libraries) {
      const lexicon = buildLexicon(name, constants, variables)
      assert(lexicon.ok, `library "${name}" is malformed: ${lexicon.ok ? '' : lexicon.error.message}`)
      assert(!this.#shelves.has(name), `library "${name}" is given twice`)
      this.#shelves.set(name, { lexicon: lexicon.value, parser: new ClaimParser(lexicon.value) })
    }
  }

  parseClaim(bytes: Uint8Array): Result<ParsedClaim<MetamathClaim>, Refusal> {
    if (bytes.length > this.limits.claimBytes) {
      return refuse('too-long', `expected a claim of at most ${this.limits.claimBytes} bytes, got ${bytes.length}`)
    }
    const claim = this.#parse(bytes)
    return claim.ok ? ok({ claim: claim.value, claimId: claim.value.claimId }) : claim
  }

  #parse(bytes: Uint8Array): Result<MetamathClaim, Refusal> {
    const name = libraryOf(bytes)
    const shelf = this.#shelves.get(name)
    if (shelf === undefined) {
      const known = [...this.#shelves.keys()].join(', ')
      return refuse('unknown-library', `expected a claim of one of the libraries ${known}; got "${name}"`)
    }
    return shelf.parser.parse(bytes)
  }

  citationsOf(claim: MetamathClaim, proof: Uint8Array): Result<readonly ClaimReference[], Refusal> {
    const certificate = this.#certificate(claim, proof, () => undefined)
    return certificate.ok ? ok(citationsIn(certificate.value)) : certificate
  }

  #certificate(claim: MetamathClaim, proof: Uint8Array, onRead: (bytes: number) => void): Result<MetamathCertificate, Refusal> {
    if (proof.length > this.limits.proofBytes) {
      return refuse('too-long', `expected a certificate of at most ${this.limits.proofBytes} bytes, got ${proof.length}`)
    }
    return decode(proof, (reader) => readCertificate(reader, claim.variables.length, onRead))
  }

  verify(claim: MetamathClaim, proof: Uint8Array, cited: CitedClaims, meter: Meter): Verdict {
    try {
      const refusal = this.#check(claim, proof, cited, meter)
      if (refusal !== null) return { status: 'invalid', ...refusal, gas: meter.gas }
      return { status: 'valid', gas: meter.gas, summary: { library: claim.library, label: claim.label } }
    } catch (error) {
      if (error instanceof MeterExhausted) return { status: 'invalid', code: error.code, message: error.message, gas: meter.gas }
      throw error
    }
  }

  #check(claim: MetamathClaim, proof: Uint8Array, cited: CitedClaims, meter: Meter): (Refusal & { at?: number }) | null {
    meter.charge(GAS.proof + GAS.byte * claim.bytes.length)
    const certificate = this.#paidCertificate(claim, proof, meter)
    if (!certificate.ok) return certificate.error
    const shelf = this.#shelves.get(claim.library)
    assert(shelf !== undefined, `claim of library "${claim.library}" was parsed by another verifier`)
    const machine = this.#machine
    machine.begin(claim.record, 0)
    const statements: (MetamathClaim | null)[] = []
    const variables = [...claim.variables]
    for (const reference of certificate.value.references) {
      if (reference.kind === 'dummy') {
        const refusal = addDummy(machine, shelf.lexicon, variables, reference.symbol)
        if (refusal !== null) return refusal
        statements.push(null)
        continue
      }
      const statement = this.#statement(claim, reference.claimId, reference.label, cited, meter)
      if (!statement.ok) return statement.error
      machine.addStatement(statement.value.record, 0)
      statements.push(statement.value)
    }
    const { disjoint } = certificate.value
    for (let i = 0; i < disjoint.length; i += 2) {
      const a = disjoint[i] as number
      if (variables[a] === -1) return { code: 'disjoint', message: `disjoint pair ${i / 2 + 1}: slot ${a} is not a variable` }
      machine.addDisjoint(a, disjoint[i + 1] as number)
    }
    const fault = readLetters(machine, certificate.value.letters, meter) ?? machine.run(meter)
    if (fault === null) return null
    return { code: fault, message: this.#explain(fault, shelf.lexicon, claim, variables, statements), at: machine.failure.step }
  }

  /** Its bytes are paid for as they are read, what is wrong not at all; the letters are not read yet. */
  #paidCertificate(claim: MetamathClaim, proof: Uint8Array, meter: Meter): Result<MetamathCertificate, Refusal> {
    let owed = 0
    const certificate = this.#certificate(claim, proof, (bytes) => {
      owed += GAS.byte * bytes
      if (owed < GAS_BATCH) return
      meter.charge(owed)
      owed = 0
    })
    meter.charge(owed)
    return certificate
  }

  /** A cited statement of the same library, as its canonical bytes say it. */
  #statement(claim: MetamathClaim, claimId: Hash, label: Uint8Array, cited: CitedClaims, meter: Meter): Result<MetamathClaim, Refusal> {
    if (equalBytes(claimId, claim.claimId)) return refuse('self-reference', `"${nameOf(label)}" may not be used to prove itself`)
    const bytes = cited.statementOf(claimId)
    if (bytes === undefined) {
      return refuse('unknown-citation', `cited statement "${nameOf(label)}" is not in the library; submit it first, or cite another`)
    }
    meter.charge(GAS.citation + GAS.byte * bytes.length)
    const key = keyOf(claimId)
    let statement = this.#statements.get(key, bytes)
    if (statement === undefined) {
      const parsed = this.#parse(bytes)
      if (!parsed.ok) return err({ code: 'citation', message: `cited statement "${nameOf(label)}": ${parsed.error.message}` })
      statement = parsed.value
      if (!equalBytes(statement.claimId, claimId))
        return refuse('citation', `the statement given for "${nameOf(label)}" has another claimId`)
      this.#statements.put(key, statement)
    }
    if (statement.library !== claim.library) {
      return refuse('citation', `"${nameOf(label)}" belongs to library "${statement.library}", the claim to "${claim.library}"`)
    }
    if (!isTextOf(label, statement.label))
      return refuse('citation', `the statement cited as "${nameOf(label)}" is called "${statement.label}"`)
    return ok(statement)
  }

  #explain(
    fault: Fault,
    lexicon: Lexicon,
    claim: MetamathClaim,
    variables: readonly number[],
    statements: readonly (MetamathClaim | null)[],
  ): string {
    const names: Names = {
      symbol: (constant) => lexicon.tokens.textOf(constant),
      variable: (slot) => lexicon.tokens.textOf(variables[slot] as number),
      reference: (reference) => statements[reference - claim.variables.length]?.label ?? `number ${reference + 1}`,
      hypothesis: (_, hypothesis) => `${hypothesis + 1}`,
    }
    return `"${claim.label}", ${explain(fault, this.#machine, names)}`
  }
}

function readLetters(machine: Machine, letters: Uint8Array, meter: Meter): Fault | null {
  for (let at = 0; at < letters.length; at += LETTERS_AT_A_TIME) {
    const end = Math.min(at + LETTERS_AT_A_TIME, letters.length)
    meter.charge(GAS.byte * (end - at))
    const fault = machine.addLetters(letters, at, end)
    if (fault !== null) return fault
  }
  return null
}

/** A dummy: a variable of the library that the claim does not mention; no two slots for one variable. */
function addDummy(machine: Machine, lexicon: Lexicon, variables: number[], symbol: Uint8Array): Refusal | null {
  const variable = lexicon.tokens.find(symbol, 0, symbol.length)
  if (variable < 0 || lexicon.roles[variable] !== VARIABLE_ROLE) {
    return { code: 'certificate-reference', message: `"${nameOf(symbol)}" is not a variable of library "${lexicon.library}"` }
  }
  if (variables.includes(variable)) {
    return { code: 'certificate-reference', message: `variable "${nameOf(symbol)}" is mandatory; it is not listed among the references` }
  }
  assert(variables.length < MAX_SLOTS, 'slots are bounded when the certificate is read')
  machine.addDummy(lexicon.typecodes[variable] as number)
  variables.push(variable)
  return null
}

/** Of a label or a symbol. */
function nameOf(token: Uint8Array): string {
  return asciiText(token, 0, token.length)
}

function isTextOf(label: Uint8Array, text: string): boolean {
  if (label.length !== text.length) return false
  for (let i = 0; i < label.length; i++) if (label[i] !== text.charCodeAt(i)) return false
  return true
}

/**
 * Parsed statements by claimId. A hit counts only for the very bytes that were parsed, so that an instance that has
 * seen much and one that has seen nothing say the same.
 */
class StatementCache {
  #young = new Map<string, MetamathClaim>()
  #old = new Map<string, MetamathClaim>()
  #bytes = 0

  get(key: string, bytes: Uint8Array): MetamathClaim | undefined {
    let found = this.#young.get(key)
    if (found === undefined) {
      found = this.#old.get(key)
      if (found !== undefined) this.put(key, found)
    }
    return found !== undefined && (found.bytes === bytes || equalBytes(found.bytes, bytes)) ? found : undefined
  }

  put(key: string, statement: MetamathClaim): void {
    if (this.#young.size >= STATEMENTS_PER_GENERATION || this.#bytes > BYTES_PER_GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
      this.#bytes = 0
    }
    this.#bytes += statement.bytes.length
    this.#young.set(key, statement)
  }
}
