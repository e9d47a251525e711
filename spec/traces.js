/**
 * Traces of the model, from Quint's ITF files to the compact form that packages/consensus/test/model-replay.ts replays: each
 * step with what it did, the replicas it changed, and what it made them send.
 *
 * Blocks are written as their seals, `view.variant` from height 1 upwards, joined by `/`; certificates as `P1:0.0/1.0`
 * (prepare, view 1) or `C...`, and `-` for none.
 */

/** @param {any} value ITF's encoding of integers, sets, maps and tuples, to plain values (maps as lists of pairs). */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  if ('#bigint' in value) return Number(value['#bigint'])
  if ('#set' in value) return value['#set'].map(plain)
  if ('#map' in value) return value['#map'].map(plain)
  if ('#tup' in value) return value['#tup'].map(plain)
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]))
}

const blockText = (block) => block.map((seal) => `${seal.view}.${seal.variant}`).join('/')
const certificateText = (certificate) =>
  certificate.view < 0 ? '-' : `${certificate.kind.tag === 'Prepare' ? 'P' : 'C'}${certificate.view}:${blockText(certificate.block)}`
const voteText = (vote) => `${vote.sender} ${vote.view} ${blockText(vote.block)}`
const viewChangeText = (change) => `${change.sender} ${change.newView} ${certificateText(change.highest)}`
const newViewText = (message) => `${message.newView} ${certificateText(message.highest)}`

function replicaOf(replica) {
  return [
    replica.view,
    replica.active ? 1 : 0,
    blockText(replica.committed),
    certificateText(replica.highest),
    replica.accepted
      .toSorted(([a], [b]) => a - b)
      .map(([, block]) => blockText(block))
      .join(' '),
  ]
}

function stateOf(system) {
  return {
    replicas: new Map(system.replicas.map(([index, replica]) => [index, JSON.stringify(replicaOf(replica))])),
    sent: {
      prepares: system.prepares.map(voteText),
      commits: system.commits.map(voteText),
      viewChanges: system.viewChanges.map(viewChangeText),
      newViews: system.newViews.map(newViewText),
    },
  }
}

function stepOf({ tag, value }) {
  const step = { what: tag }
  if (tag === 'Start') return step
  for (const [key, field] of Object.entries(value)) {
    if (key === 'block') step[key] = blockText(field)
    else if (key === 'from') step[key] = field.map(viewChangeText).toSorted()
    else step[key] = Array.isArray(field) ? field.toSorted((a, b) => a - b) : field
  }
  return step
}

/** @param {any} itf one parsed ITF file @param {number} validators */
export function traceOf(itf, validators) {
  const [systemName] = itf.vars.filter((name) => name.endsWith('::system'))
  const [stepName] = itf.vars.filter((name) => name.endsWith('::lastStep'))
  let before
  const steps = []
  let byzantine = []
  for (const state of itf.states) {
    const system = plain(state[systemName])
    byzantine = system.byzantine
    const after = stateOf(system)
    const step = stepOf(plain(state[stepName]))
    const replicas = {}
    for (const [index, text] of after.replicas) if (before?.replicas.get(index) !== text) replicas[index] = JSON.parse(text)
    const sent = {}
    for (const [kind, all] of Object.entries(after.sent)) {
      const fresh = all.filter((text) => !before?.sent[kind].includes(text)).toSorted()
      if (fresh.length > 0) sent[kind] = fresh
    }
    steps.push({ ...step, replicas, sent })
    before = after
  }
  return { validators, byzantine, steps }
}
