export interface GeneratorOptions {
  readonly widths: readonly number[]
  readonly constants: number
  readonly depth: number
  readonly assertions: number
  readonly overflowPredicates?: boolean
  readonly naryVectors?: boolean
  readonly multiplyUpTo?: number
}
export function drawer(seed: number): (most: number) => number
export function randomScript(seed: number, options: GeneratorOptions): string
