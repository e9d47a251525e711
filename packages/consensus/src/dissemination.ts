/**
 * Whom votes and proposals go to (docs/protocol.md §9, "Collectors and trees"). Mesh: to everybody. Collectors: votes go to the leader
 * and two others, who put certificates together and send those to everybody. Tree: the same, and proposals go from the leader to some,
 * who pass them on. Everybody computes the same; what is lost on the way comes as in a mesh, on STATUS (§7).
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

/**
 * To whom a validator sends a proposal of this view: the leader to the inner nodes of the tree, about the square root of all; each of them to
 * its leaves; every leaf has two parents. A permutation by the view decides who is where, so that whoever is badly placed is not so for long.
 */
export function childrenOf(validators: ValidatorSet, view: View, self: ValidatorIndex): readonly ValidatorIndex[] {
  const others = validators.validators.length - 1
  if (others < 1) return []
  const leader = leaderOf(validators, view)
  const step = coprimeFrom(1 + ((Math.imul(view + 1, 0x9e3779b1) >>> 0) % others), others)
  const at = (place: number): ValidatorIndex => ((leader + 1 + ((place * step) % others)) % (others + 1)) as ValidatorIndex
  const inner = Array.from({ length: Math.ceil(Math.sqrt(others)) }, (_, place) => at(place))
  if (self === leader) return inner
  const own = inner.indexOf(self)
  if (own < 0) return []
  const leaves: ValidatorIndex[] = []
  for (let leaf = 0; leaf < others - inner.length; leaf++)
    if (parentsOf(leaf, inner.length).includes(own)) leaves.push(at(inner.length + leaf))
  return leaves
}

/** Two, where there are two: leaves that share one parent have different second ones. */
function parentsOf(leaf: number, inner: number): readonly number[] {
  const first = leaf % inner
  if (inner < 2) return [first]
  return [first, (first + 1 + (Math.floor(leaf / inner) % (inner - 1))) % inner]
}
