/** Operating failures of the network at start; what peers do wrong later is an event, never an error. */
export type NetworkErrorCode = 'port-in-use' | 'listen-failed'

/** Why a mesh cannot listen; `hint` says what to do. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode
  readonly hint: string
  constructor(code: NetworkErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
  }
}
