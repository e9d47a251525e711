/**
 * How much memory this process uses. Node asks the system for all its figures at once, and throws where that does not say: on Linux without
 * `/proc`, as in some sandboxes. No validator ends for that; what is watched by these figures is then not watched.
 */

/** Bytes in use; 0: not known. */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    return 0
  }
}

/** Bytes of byte arrays; 0: not known. */
export function arrayBytes(): number {
  try {
    return process.memoryUsage().arrayBuffers
  } catch {
    return 0
  }
}
