/**
 * Whom votes and proposals go to (docs/protocol.md §9, "Collectors and trees"). Mesh: to everybody. Collectors: votes go to the leader
 * and two others, who put certificates together and send those to everybody. Tree: proposals go from the leader to some, who pass
 * them on, and the same add votes up on their way to the collectors. Everybody computes the same; what is lost on the way comes as in a
 * mesh, on STATUS (§7).
 */
import type { Height, ValidatorIndex, View } from '@aethel/codec'
import { coprimeFrom } from './circle.js'
import { leaderOf, type ValidatorSet } from './validators.js'

export type Dissemination = 'mesh' | 'collectors' | 'tree'

/** What genesis says. `auto`: by the number of validators, anew in each epoch. */
export type DisseminationChoice = 'auto' | Dissemination

/** Beside the leader. */
const BACKUP_COLLECTORS = 2
/** Up to so many validators `auto` means mesh, which has two message delays less in a block. */
const MESH_UP_TO = 64
/** Up to so many it means collectors: a proposal reaches everybody one message delay earlier than along a tree. */
const COLLECTORS_UP_TO = 256

/** A list of signatures is as long as the votes in it: only certificates that are one signature are worth collecting. */
export function disseminationOf(choice: DisseminationChoice, { scheme, validators }: ValidatorSet): Dissemination {
  if (choice !== 'auto') return choice
  if (scheme === 'ed25519' || validators.length <= MESH_UP_TO) return 'mesh'
  return validators.length <= COLLECTORS_UP_TO ? 'collectors' : 'tree'
}

/** Who puts the votes of a view and height together: its leader, then the backups, others at every height. */
export function collectorsOf(validators: ValidatorSet, view: View, height: Height): readonly ValidatorIndex[] {
  const count = validators.validators.length
  const leader = leaderOf(validators, view)
  const collectors = [leader]
  for (let nth = 0; nth < Math.min(BACKUP_COLLECTORS, count - 1); nth++)
    collectors.push(((leader + 1 + ((height * BACKUP_COLLECTORS + nth) % (count - 1))) % count) as ValidatorIndex)
  return collectors
}

/** Of one view: everybody but its leader has a place, the inner nodes the first ones. */
interface Tree {
  readonly inner: readonly ValidatorIndex[]
  readonly leaves: readonly ValidatorIndex[]
  /** By validator; undefined for the leader. */
  readonly groupOf: readonly (number | undefined)[]
  /** An inner node, and the leaves that have it for their first parent. */
  readonly groups: readonly (readonly ValidatorIndex[])[]
}

/** About the square root of all are inner nodes. A permutation by the view decides who is where, so that whoever is badly placed is not so for long. */
function plantTree(validators: ValidatorSet, view: View): Tree {
  const others = validators.validators.length - 1
  const leader = leaderOf(validators, view)
  const step = coprimeFrom(1 + ((Math.imul(view + 1, 0x9e3779b1) >>> 0) % Math.max(1, others)), others)
  const places = Array.from({ length: others }, (_, place) => ((leader + 1 + ((place * step) % others)) % (others + 1)) as ValidatorIndex)
  const count = Math.ceil(Math.sqrt(others))
  const [inner, leaves] = [places.slice(0, count), places.slice(count)]
  const groups = inner.map((node, group) => [node, ...leaves.filter((_, leaf) => leaf % count === group)])
  const groupOf = new Array<number | undefined>(others + 1).fill(undefined)
  for (const [group, members] of groups.entries()) for (const member of members) groupOf[member] = group
  return { inner, leaves, groupOf, groups }
}

/** Asked for with each vote: the trees of the last few views are kept. */
const TREES_KEPT = 4
const trees = new WeakMap<ValidatorSet, Map<View, Tree>>()

function treeOf(validators: ValidatorSet, view: View): Tree {
  const known = trees.get(validators) ?? new Map<View, Tree>()
  trees.set(validators, known)
  let tree = known.get(view)
  if (tree === undefined) {
    tree = plantTree(validators, view)
    known.set(view, tree)
    for (const oldest of known.keys()) if (known.size > TREES_KEPT) known.delete(oldest)
  }
  return tree
}

/** To whom a validator sends a proposal of this view: the leader to the inner nodes, each of them to its leaves; every leaf has two parents. */
export function childrenOf(validators: ValidatorSet, view: View, self: ValidatorIndex): readonly ValidatorIndex[] {
  const { inner, leaves } = treeOf(validators, view)
  if (self === leaderOf(validators, view)) return inner
  const own = inner.indexOf(self)
  return own < 0 ? [] : leaves.filter((_, leaf) => parentsOf(leaf, inner.length).includes(own))
}

/** Two, where there are two: leaves that share one parent have different second ones. */
function parentsOf(leaf: number, inner: number): readonly number[] {
  const first = leaf % inner
  if (inner < 2) return [first]
  return [first, (first + 1 + (Math.floor(leaf / inner) % (inner - 1))) % inner]
}

/**
 * Who adds up this validator's votes of the view: the inner node of its group and the next one, so that one that is silent loses nobody's vote.
 * Whole groups have the same two, because sums that share a vote cannot be joined. Nobody for the leader.
 */
export function addersOf(validators: ValidatorSet, view: View, self: ValidatorIndex): readonly ValidatorIndex[] {
  const { inner, groupOf } = treeOf(validators, view)
  const group = groupOf[self]
  return group === undefined ? [] : inner.filter((_, node) => addsUp(node, group, inner.length))
}

/** The groups whose votes this validator adds up, each into sums of its own; none unless it is an inner node. */
export function groupsOf(validators: ValidatorSet, view: View, self: ValidatorIndex): readonly (readonly ValidatorIndex[])[] {
  const { inner, groups } = treeOf(validators, view)
  const node = inner.indexOf(self)
  return node < 0 ? [] : groups.filter((_, group) => addsUp(node, group, inner.length))
}

function addsUp(node: number, group: number, inner: number): boolean {
  return node === group || node === (group + 1) % inner
}
