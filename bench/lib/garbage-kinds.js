/** What a bad validator can send: nothing that parses, frames with forged votes, votes for another chain, and what is signed and helps nobody. */
export const KINDS = /** @type {const} */ (['random-bytes', 'bad-signatures', 'other-chain', 'useless'])
