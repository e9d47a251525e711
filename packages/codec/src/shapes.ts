/**
 * One object of a kind, kept so that compiled code is. V8 throws the code away that it has compiled for objects of a shape when the last object
 * of that shape is collected (`weak objects` in `node --trace-deopt`), and starts again with the interpreter; between two messages, or two
 * proofs, there may be none. What is kept has been through what others of its kind go through, so that it has their shape.
 */
const kept: object[] = []

/** Once per kind of object, where its class is defined. */
export function keepShapeOf(one: object): void {
  kept.push(one)
}
