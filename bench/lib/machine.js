/** What the figures were measured on. */
import { arch, cpus, release, totalmem, type } from 'node:os'

export function describeMachine() {
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown processor',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
  }
}
