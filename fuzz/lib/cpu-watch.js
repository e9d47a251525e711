/** Processor time of this process, all its threads, since a beginning: what a stopped process or a busy machine does not spend. */
export class CpuWatch {
  #began = process.cpuUsage()
  #limitMs

  /** @param {number} limitMs */
  constructor(limitMs) {
    this.#limitMs = limitMs
  }

  begin() {
    this.#began = process.cpuUsage()
  }

  get milliseconds() {
    const { user, system } = process.cpuUsage(this.#began)
    return (user + system) / 1000
  }

  get isOver() {
    return this.milliseconds > this.#limitMs
  }
}
