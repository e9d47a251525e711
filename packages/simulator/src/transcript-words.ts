/** One line of a transcript, word by word: what was expected, and what came, is in every failure. */

/** Views and heights are given exactly; 2^53 - 1 is the largest that messages can carry. */
const MAX_NUMBER = Number.MAX_SAFE_INTEGER

/** The line is not understood; the message says what was expected. */
export class ParseFailure extends Error {}

/** What came may be a word as long as the transcript. */
const MAX_MESSAGE_LETTERS = 300

export function fail(message: string): never {
  throw new ParseFailure(message.length > MAX_MESSAGE_LETTERS ? `${message.slice(0, MAX_MESSAGE_LETTERS)}...` : message)
}

/** Words between blanks; arrows join what stands beside them. An expression for blanks around an arrow would try each of many blanks anew. */
function wordsOf(line: string): string[] {
  const words: string[] = []
  let joins = false
  for (const word of line.replaceAll('|', ' | ').split(/\s+/)) {
    if (words.length > 0 && (joins || word.startsWith('->'))) words[words.length - 1] += word
    else words.push(word)
    joins = word.endsWith('->')
  }
  return words
}

/** The words of one line, read from left to right. */
export class Words {
  readonly #words: readonly string[]
  #at = 0

  constructor(line: string) {
    this.#words = wordsOf(line)
  }

  get done(): boolean {
    return this.#at >= this.#words.length
  }

  peek(): string | null {
    return this.#words[this.#at] ?? null
  }

  next(expected: string): string {
    const word = this.#words[this.#at++]
    return word ?? fail(`expected ${expected}, got the end of the line`)
  }

  /** Takes the word if it is next. */
  take(word: string): boolean {
    if (this.peek() !== word) return false
    this.#at++
    return true
  }

  keyword(word: string): void {
    const got = this.next(`"${word}"`)
    if (got !== word) fail(`expected "${word}", got "${got}"`)
  }

  number(expected: string, most: number = MAX_NUMBER): number {
    const word = this.next(expected)
    const value = Number(word)
    if (!/^\d{1,16}$/.test(word) || value > most) fail(`expected ${expected} (0..${most}), got "${word}"`)
    return value
  }

  end(): void {
    if (!this.done) fail(`expected the end of the line, got "${this.peek()}"`)
  }
}
