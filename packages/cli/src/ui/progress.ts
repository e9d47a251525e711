/**
 * Progress of long work, on stderr: a bar on a terminal, otherwise a plain line every few seconds. Event lines can be
 * printed meanwhile without tearing the bar.
 */
import cliProgress from 'cli-progress'

const PLAIN_INTERVAL_MS = 5_000
const REDRAW_MS = 200

export interface Progress {
  /** `total` only where it was not known from the start. Also draws while nothing else gets a turn. */
  update(done: number, detail?: string, total?: number): void
  /** One line that stays on screen. */
  event(text: string): void
  stop(): void
}

export function startProgress(label: string, total: number): Progress {
  return process.stderr.isTTY === true ? bar(label, total) : plainLines(label, total)
}

function bar(label: string, total: number): Progress {
  const bars = new cliProgress.MultiBar(
    {
      format: `${label} {bar} {percentage}% {value}/{total} {detail}`,
      stream: process.stderr,
      // Ctrl-C must not leave a terminal without cursor or line wrapping.
      hideCursor: false,
      linewrap: true,
      clearOnComplete: true,
      gracefulExit: false,
      fps: 5,
      barsize: 30,
    },
    cliProgress.Presets.shades_classic,
  )
  const single = bars.create(total, 0, { detail: '' })
  let drawn = 0
  return {
    update: (done, detail = '', newTotal = total) => {
      single.setTotal(newTotal)
      single.update(done, { detail })
      if (Date.now() - drawn < REDRAW_MS) return
      drawn = Date.now()
      bars.update()
    },
    event: (text) => {
      bars.log(`${text}\n`)
      bars.update()
    },
    stop: () => bars.stop(),
  }
}

function plainLines(label: string, total: number): Progress {
  let last = Date.now()
  const line = (text: string): void => {
    process.stderr.write(`${text}\n`)
  }
  return {
    update: (done, detail = '', newTotal = total) => {
      const now = Date.now()
      if (now - last < PLAIN_INTERVAL_MS) return
      last = now
      line(`${label} ${done}/${newTotal}${detail === '' ? '' : ` ${detail}`}`)
    },
    event: line,
    stop: () => undefined,
  }
}
