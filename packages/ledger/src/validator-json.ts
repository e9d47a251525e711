/** A validator in files for people: genesis, trust roots and epoch chains write it alike. */
import { BLS_PUBLIC_KEY_BYTES, blsPublicKey, PUBLIC_KEY_BYTES, publicKey, toHex } from '@aethel/codec'
import type { Validator } from '@aethel/consensus'
import { type Json, jsonBigint, jsonBytesOf } from './strict-json.js'

export const VALIDATOR_FIELDS: readonly string[] = ['publicKey', 'power']
/** On chains of BLS certificates. */
export const VALIDATOR_BLS_FIELDS: readonly string[] = ['blsKey']

/** Bytes as hex, the power as a decimal string. */
export function validatorToJson({ publicKey: key, power, blsKey }: Validator): Record<string, string> {
  const json = { publicKey: toHex(key), power: String(power) }
  return blsKey === undefined ? json : { ...json, blsKey: toHex(blsKey) }
}

/** `fields`: what `jsonFields` has let through. */
export function validatorFromJson(fields: ReadonlyMap<string, Json>): Validator {
  const validator = {
    publicKey: publicKey(jsonBytesOf(fields.get('publicKey'), 'publicKey', PUBLIC_KEY_BYTES)),
    power: jsonBigint(fields.get('power'), 'power'),
  }
  if (!fields.has('blsKey')) return validator
  return { ...validator, blsKey: blsPublicKey(jsonBytesOf(fields.get('blsKey'), 'blsKey', BLS_PUBLIC_KEY_BYTES)) }
}
