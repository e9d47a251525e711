import { isIPv6 } from 'node:net'
import type { Endpoint } from '@aethel/network'

/** Of an HTTP API that listens there. An IPv6 address stands in brackets: its colons are not the port's. */
export function httpUrl({ host, port }: Endpoint): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}
