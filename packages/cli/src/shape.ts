/**
 * Reading what came from outside as JSON. A field that is missing or of another type throws `ShapeError`; who asked turns
 * it into words that say where the document came from.
 */

export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

export type JsonObject = Readonly<Record<string, unknown>>

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ShapeError(`${what} is not an object`)
  return value as JsonObject
}

export function textAt(object: JsonObject, name: string): string {
  const value = object[name]
  if (typeof value !== 'string') throw new ShapeError(`"${name}" is not a text`)
  return value
}

export function optionalTextAt(object: JsonObject, name: string): string | undefined {
  return object[name] === undefined || object[name] === null ? undefined : textAt(object, name)
}

export function numberAt(object: JsonObject, name: string): number {
  const value = object[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new ShapeError(`"${name}" is not an integer`)
  return value
}

export function optionalNumberAt(object: JsonObject, name: string): number | undefined {
  return object[name] === undefined || object[name] === null ? undefined : numberAt(object, name)
}

export function listAt(object: JsonObject, name: string): readonly unknown[] {
  const value = object[name]
  if (!Array.isArray(value)) throw new ShapeError(`"${name}" is not a list`)
  return value
}
