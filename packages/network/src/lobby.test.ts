import { expect, test } from 'vitest'
import { Lobby, MAX_STRANGERS } from './lobby.js'

/** Connections that say when they are closed, by name. */
function play(most: number): { lobby: Lobby; enter(network: string | null, name: string): void; closed: string[] } {
  const lobby = new Lobby()
  lobby.expect(most)
  const closed: string[] = []
  return { lobby, closed, enter: (network, name) => lobby.enter(network, name, { destroy: () => closed.push(name) }) }
}

test('E1: connections not yet authenticated: 256 of strangers, so many of each network from which a validator has come; the oldest makes room', () => {
  const { enter, closed } = play(34)
  for (let nth = 0; nth < 34; nth++) enter('192.0.2.7', `seven ${nth}`)
  for (let nth = 0; nth < MAX_STRANGERS; nth++) enter(null, `stranger ${nth}`)
  expect(closed).toEqual([])
  for (let nth = 0; nth < 3; nth++) enter(null, `late ${nth}`)
  expect(closed.splice(0)).toEqual(['stranger 0', 'stranger 1', 'stranger 2'])
  enter('192.0.2.7', 'seven once more')
  enter('192.0.2.8', 'eight')
  expect(closed).toEqual(['seven 0'])
})

test('a restart of more validators than that, all strangers at one address, finds room', () => {
  const { enter, closed } = play(400)
  for (let nth = 0; nth < 400; nth++) enter(null, `stranger ${nth}`)
  expect(closed).toEqual([])
  enter(null, 'one more')
  expect(closed).toEqual(['stranger 0'])
})

test('who has shown its key, or has left, is not counted and not closed any more', () => {
  const { lobby, enter, closed } = play(2)
  for (let nth = 0; nth < 1_000; nth++) {
    enter('192.0.2.7', `validator ${nth}`)
    lobby.leave(`validator ${nth}`)
    lobby.leave(`validator ${nth}`)
  }
  expect(closed).toEqual([])
  enter('192.0.2.7', 'a')
  enter('192.0.2.7', 'b')
  expect(closed).toEqual([])
  enter('192.0.2.7', 'c')
  expect(closed).toEqual(['a'])
})
