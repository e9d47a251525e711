/**
 * From one build to the other: everything that one has written is read by the other from its bytes, as over a wire, or from a store under a new
 * version. Whatever is not read, is read as another thing, or would be written otherwise, ends the run as what it is: two builds that cannot run beside each other, and not a
 * broken promise of either.
 */
import { equalBytes, toHex } from '@aethel/codec'
import type { EpochStart, ValidatorSet } from '@aethel/consensus'
import { Violation } from '../violation.js'
import type { Build, Builds, Form, Forms, Running } from './build.js'

const SHOWN_BYTES = 16

export function incompatible(message: string): Violation {
  return new Violation('compatible-builds', message)
}

export class Passage {
  readonly #builds: Builds
  /** Objects do not change, and go to many: what became of each in the other build. */
  readonly #crossed: { readonly [to in Running]: WeakMap<object, object> } = { current: new WeakMap(), other: new WeakMap() }

  constructor(builds: Builds) {
    this.#builds = builds
  }

  get other(): Build {
    return this.#builds.other
  }

  /** `what`: the name of it in a finding. */
  cross<Name extends keyof Forms>(to: Running, name: Name, value: FormOf<Name>, what: string = WORDS[name]): FormOf<Name> {
    const known = this.#crossed[to].get(value)
    if (known !== undefined) return known as FormOf<Name>
    const { current, other } = this.#builds
    const [writer, reader] = to === 'other' ? [current, other] : [other, current]
    const crossed = translated(
      writer,
      reader,
      writer.forms[name] as Form<FormOf<Name>>,
      reader.forms[name] as Form<FormOf<Name>>,
      value,
      what,
    )
    this.#crossed[to].set(value, crossed)
    return crossed
  }

  epochStart(to: Running, start: EpochStart): EpochStart {
    const known = this.#crossed[to].get(start)
    if (known !== undefined) return known as EpochStart
    const { validators, previousValidators, origin } = start
    const { originHeight: height, originHash: hash } = this.#epoch(to, validators, origin)
    const crossed: EpochStart = {
      validators: this.validators(to, validators),
      previousValidators: previousValidators === null ? null : this.validators(to, previousValidators),
      origin: { height, hash },
    }
    this.#crossed[to].set(start, crossed)
    return crossed
  }

  validators(to: Running, set: ValidatorSet): ValidatorSet {
    const { validators } = this.#epoch(to, set, NO_ORIGIN)
    const build = this.#builds[to]
    const made = build.consensus.createValidatorSet(set.epoch, validators)
    if (!made.ok)
      throw incompatible(`${build.name} takes no such validators as epoch ${set.epoch} has: ${made.error.code}, ${made.error.message}`)
    if (!equalBytes(made.value.hash, set.hash)) throw incompatible(`the two builds name the validators of epoch ${set.epoch} differently`)
    return made.value
  }

  #epoch(to: Running, { validators }: ValidatorSet, origin: EpochStart['origin']): FormOf<'epoch'> {
    return this.cross(to, 'epoch', { originHeight: origin.height, originHash: origin.hash, validators })
  }
}

type FormOf<Name extends keyof Forms> = Forms[Name] extends Form<infer T extends object> ? T : never

const NO_ORIGIN = { height: 0, hash: new Uint8Array(32) } as EpochStart['origin']

const WORDS: { readonly [Name in keyof Forms]: string } = {
  message: 'message',
  view: 'stored view',
  vote: 'stored vote',
  block: 'stored block',
  certificate: 'stored certificate',
  recovery: 'stored recovery',
  tip: 'stored tip',
  epoch: 'stored epoch',
  offer: 'stored snapshot',
  headers: 'stored headers',
}

function translated<T>(writer: Build, reader: Build, written: Form<T>, read: Form<T>, value: T, what: string): T {
  const bytes = written.encode(value)
  const decoded = read.decode(bytes)
  if (!decoded.ok)
    throw incompatible(
      `${reader.name} does not read a ${what} that ${writer.name} has written: ${decoded.error.code}, ${decoded.error.message}`,
    )
  const again = read.encode(decoded.value)
  if (!equalBytes(again, bytes)) {
    const at = bytes.findIndex((byte, position) => again[position] !== byte)
    const from = at < 0 ? bytes.length : at
    throw incompatible(
      `${reader.name} would write a ${what} otherwise than ${writer.name} has: from byte ${from} on ${shown(again, from)} instead of ${shown(bytes, from)}`,
    )
  }
  const at = differenceOf(value, decoded.value, '')
  if (at !== null) throw incompatible(`${reader.name} reads another thing in a ${what} than ${writer.name} has written: ${at}`)
  return decoded.value
}

/** Where two values say different things under one name; what only one of them has is its own business. */
function differenceOf(one: unknown, other: unknown, path: string): string | null {
  if (one instanceof Uint8Array && other instanceof Uint8Array)
    return equalBytes(one, other) ? null : `${path} is ${shown(other, 0)} instead of ${shown(one, 0)}`
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return one === other ? null : `${path} is ${String(other)} instead of ${String(one)}`
  const [left, right] = [one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>]
  for (const key of Object.keys(left)) {
    const found = key in right ? differenceOf(left[key], right[key], path === '' ? key : `${path}.${key}`) : null
    if (found !== null) return found
  }
  return null
}

function shown(bytes: Uint8Array, from: number): string {
  return toHex(bytes.subarray(from, from + SHOWN_BYTES)) || 'nothing'
}
