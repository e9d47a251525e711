/** For `namespaces.test.js`, inside a namespace: three homes, datagrams between them under every condition; one JSON document with what came back. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Namespaces } from './namespaces.js'

const DATAGRAMS = 200
const ECHO = `const s = require('node:dgram').createSocket('udp4')
s.on('message', (m, { port, address }) => s.send(m, port, address))
s.bind(7, () => process.stdout.write('.'))`
const ASK = `const s = require('node:dgram').createSocket('udp4')
const back = new Set()
s.on('message', (m) => back.add(String(m)))
let sent = 0
const timer = setInterval(() => {
  if (sent < ${DATAGRAMS}) return s.send(String(sent++), 7, process.argv[1])
  clearInterval(timer)
  setTimeout(() => { console.log(back.size); process.exit() }, 1000)
}, 2)`

const folder = mkdtempSync(join(tmpdir(), 'aethel-wires-'))
const homes = [0, 1, 2].map((index) => {
  const home = join(folder, String(index))
  mkdirSync(home)
  const peers = [0, 1, 2].filter((peer) => peer !== index).map((peer) => ({ index: peer }))
  writeFileSync(join(home, 'config.json'), JSON.stringify({ peers }))
  return home
})
const wires = await Namespaces.install(homes)
const echoes = await Promise.all(
  homes.map(async (_, index) => {
    const child = spawn('nsenter', [...wires.prefixOf(index).args, process.execPath, '-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    return child
  }),
)
/** @param {number} from @param {number} to @returns {number} the share that came back */
const share = (from, to) =>
  Number(execFileSync('nsenter', [...wires.prefixOf(from).args, process.execPath, '-e', ASK, `10.77.0.${10 + to}`])) / DATAGRAMS

const found = { fair: share(0, 1), lossy: 0, besideLossy: 0, healed: 0, apart: 0, together: 0, unheard: 0, heardByOther: 0 }
await wires.disturb(1, { delayMs: 20, loss: 0.3 })
found.lossy = share(0, 1)
found.besideLossy = share(0, 2)
await wires.heal()
found.healed = share(0, 1)
await wires.partition(new Set([0]))
found.apart = share(0, 1)
found.together = share(1, 2)
await wires.heal()
await wires.muffle(0, 2)
found.unheard = share(0, 2)
found.heardByOther = share(0, 1)
await wires.heal()
for (const echo of echoes) echo.kill()
wires.close()
rmSync(folder, { recursive: true })
console.log(JSON.stringify(found))
process.exit(0)
