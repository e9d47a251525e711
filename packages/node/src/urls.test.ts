import { expect, test } from 'vitest'
import { httpUrl } from './urls.js'

test('an API has a URL that can be asked, also at an IPv6 address', () => {
  for (const host of ['127.0.0.1', 'localhost', '::1', '::', 'fd00::2']) {
    const url = new URL(httpUrl({ host, port: 27_101 }))
    expect([url.hostname.replaceAll(/[[\]]/g, ''), url.port]).toEqual([host, '27101'])
  }
})
