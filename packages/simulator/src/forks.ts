/**
 * What was committed where the chain may fork: more faulty power than the protocol bears. Agreement cannot be demanded there;
 * everything else about a commit can (invariants.ts), and who committed what is written down for the proof.
 */
import { equalBytes, type Hash, keyOf } from '@aethel/codec'
import type { Block } from '@aethel/consensus'

export class Forks {
  /** By height: the blocks that somebody has committed, by `keyOf(hash)`; true: somebody honest has. */
  readonly #committed = new Map<number, Map<string, boolean>>()
  /** By validator: the hash it has committed at each height, from 1. */
  readonly #chains = new Map<number, Hash[]>()

  onCommit(index: number, block: Block, isHonest: boolean): void {
    const { height } = block.header
    const rivals = this.#committed.get(height) ?? new Map<string, boolean>()
    rivals.set(keyOf(block.hash), isHonest || rivals.get(keyOf(block.hash)) === true)
    this.#committed.set(height, rivals)
    const chain = this.#chains.get(index) ?? []
    chain[height - 1] = block.hash
    this.#chains.set(index, chain)
  }

  /** Whether the block extends what this validator committed below it. */
  extendsOwn(index: number, block: Block, genesis: Hash): boolean {
    const below = block.header.height === 1 ? genesis : this.#chains.get(index)?.[block.header.height - 2]
    return below !== undefined && equalBytes(below, block.header.parent)
  }

  has(height: number, hash: Hash): boolean {
    return this.#committed.get(height)?.has(keyOf(hash)) === true
  }

  /**
   * The lowest height at which honest validators have committed two blocks; null: the chain has not forked. What a faulty one has committed for
   * itself alone it shows to nobody, so nobody could prove it.
   */
  get lowest(): number | null {
    const forked = [...this.#committed]
      .filter(([, rivals]) => [...rivals.values()].filter((isHonest) => isHonest).length > 1)
      .map(([height]) => height)
    return forked.length === 0 ? null : Math.min(...forked)
  }
}
