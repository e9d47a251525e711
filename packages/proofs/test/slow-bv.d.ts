export type Value = boolean | { readonly n: bigint; readonly width: number }
/** An S-expression. */
export type Tree = string | readonly Tree[]
export interface SlowScript {
  /** Width 0: Bool. */
  readonly constants: readonly { readonly name: string; readonly width: number }[]
  /** Whether all assertions hold. */
  holds(values: ReadonlyMap<string, Value>): boolean
}
export function readTrees(text: string): Tree[]
export function readSlowScript(text: string): SlowScript
export function bitCount(script: SlowScript): number
export function valuesOf(script: SlowScript, all: bigint): Map<string, Value>
export function bruteForce(script: SlowScript): Map<string, Value> | null
