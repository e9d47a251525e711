/**
 * The trust root: which chain, and which validators with which power, the verifier already believes in. It reaches the
 * verifier by another way than the receipt does; a receipt's own word about validators counts for nothing (trap S9).
 */
import { epoch, HASH_BYTES, type Hash, hash, type Refusal, type Result, toHex } from '@aethel/codec'
import { createValidatorSet, type EpochLength, MAX_EPOCH_LENGTH, type ValidatorSet } from '@aethel/consensus'
import { expectFormat, failJson, jsonBytesOf, jsonFields, jsonInteger, jsonList, readJson } from '@aethel/ledger/strict-json'
import { VALIDATOR_BLS_FIELDS, VALIDATOR_FIELDS, validatorFromJson, validatorToJson } from '@aethel/ledger/validator-json'

export interface TrustRoot {
  /** Hash of genesis. */
  readonly chainId: Hash
  /** In force in `validators.epoch`. */
  readonly validators: ValidatorSet
  /** Blocks per epoch, from genesis; 0: one epoch, so these are the validators for ever. */
  readonly epochLength: EpochLength
}

export const TRUST_FORMAT = 'aethel-trust/1'
/** 4096 validators of at most 150 bytes each, and 270 with a BLS key. */
const MAX_TRUST_BYTES: number = 2 * 1024 * 1024
const MAX_TRUST_VALIDATORS = 4096

/** trust.json: a fixed order of fields, integers as decimal strings, bytes as hex, a final newline. */
export function encodeTrust(trust: TrustRoot): string {
  return `${JSON.stringify(
    {
      format: TRUST_FORMAT,
      chainId: toHex(trust.chainId),
      ...(trust.epochLength === 0 ? {} : { epochLength: String(trust.epochLength) }),
      epoch: String(trust.validators.epoch),
      validators: trust.validators.validators.map(validatorToJson),
    },
    null,
    2,
  )}\n`
}

/** Strict: unknown, missing and repeated fields, other spellings of a number and other formats are refused. */
export function decodeTrust(bytes: Uint8Array): Result<TrustRoot, Refusal> {
  const parsed = readJson(bytes, MAX_TRUST_BYTES, (json) => {
    expectFormat(json, 'a trust root', TRUST_FORMAT)
    const fields = jsonFields(json, 'trust root', ['format', 'chainId', 'epoch', 'validators'], ['epochLength'])
    const epochLength = fields.has('epochLength') ? jsonInteger(fields.get('epochLength'), 'epochLength', MAX_EPOCH_LENGTH) : 0
    if (fields.has('epochLength') && epochLength === 0) failJson('epoch-length', 'expected no epochLength rather than one of 0')
    return {
      epochLength,
      chainId: hash(jsonBytesOf(fields.get('chainId'), 'chainId', HASH_BYTES)),
      epoch: epoch(jsonInteger(fields.get('epoch'), 'epoch', Number.MAX_SAFE_INTEGER)),
      validators: jsonList(fields.get('validators'), 'validators', MAX_TRUST_VALIDATORS).map((item) => {
        return validatorFromJson(jsonFields(item, 'validator', VALIDATOR_FIELDS, VALIDATOR_BLS_FIELDS))
      }),
    }
  })
  if (!parsed.ok) return parsed
  const { chainId, epochLength } = parsed.value
  const validators = createValidatorSet(parsed.value.epoch, parsed.value.validators)
  return validators.ok ? { ok: true, value: { chainId, validators: validators.value, epochLength } } : validators
}
