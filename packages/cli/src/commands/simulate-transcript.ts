/**
 * `aethel simulate --transcript FILE`: runs one hand-written schedule (docs/transcripts.md) and prints what each statement
 * brought about. Exit code 7 at the first statement that fails.
 */
import { MAX_TRANSCRIPT_BYTES, parseTranscript, runTranscript } from '@aethel/simulator'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { readTextFile } from '../files.js'
import { note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

export function simulateTranscript(file: string, json: boolean): ExitCode {
  const parsed = parseTranscript(readTranscript(file))
  if (!parsed.ok) throw usageError('transcript', `${file}, ${parsed.error.message} (docs/transcripts.md)`)
  const report = runTranscript(parsed.value, ({ line, text, happened }) => {
    if (json) return
    printLine(`${paint('dim', String(line).padStart(4))}  ${text}`)
    for (const sentence of happened) printLine(`        ${paint('dim', sentence)}`)
  })
  if (json) printJson({ status: report.ok ? 'ok' : 'violation', file, ...report })
  const { failure } = report
  if (failure === undefined) {
    if (!json) {
      printLine(`${paint('green', 'ok')}: ${report.steps} statements, ${report.expectations} of them expectations, all met`)
      printLine(`${report.deliveries} messages delivered, ${report.blocks} blocks committed`)
    }
    return EXIT.ok
  }
  note(`${paintError('red', 'failed')}: ${file}, line ${failure.line}, "${failure.text}": ${failure.message} [${failure.code}]`)
  return EXIT.violation
}

function readTranscript(file: string): string {
  return new TextDecoder().decode(readTextFile(file, 'a transcript', MAX_TRANSCRIPT_BYTES))
}
