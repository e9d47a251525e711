/** The part of cli-progress this package uses; it ships no types of its own. */
declare module 'cli-progress' {
  export interface Options {
    readonly format: string
    readonly stream: NodeJS.WritableStream
    readonly hideCursor: boolean
    readonly linewrap: boolean
    readonly clearOnComplete: boolean
    readonly gracefulExit: boolean
    readonly fps: number
    readonly barsize: number
  }
  export interface SingleBar {
    update(value: number, payload?: Readonly<Record<string, string>>): void
    setTotal(total: number): void
  }
  export interface MultiBar {
    create(total: number, startValue: number, payload?: Readonly<Record<string, string>>): SingleBar
    /** Printed above the bars at their next redraw. */
    log(text: string): void
    update(): void
    stop(): void
  }
  const cliProgress: {
    readonly MultiBar: new (options: Partial<Options>, preset?: unknown) => MultiBar
    readonly Presets: { readonly shades_classic: unknown }
  }
  export default cliProgress
}
