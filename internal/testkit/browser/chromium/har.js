'use strict'
// Records what a page says to a queuptest server as HAR, by Playwright in a headless Chromium: a login, a room, a line of chat and
// the websocket. Cookies, tokens and the port become constants, so that two runs give files that hardly differ.
//
// Usage: node har.js /path/to/chromium http://127.0.0.1:8080 file.har
const fs = require('fs')
const { chromium } = require('playwright-core')

const args = ['--disable-gpu', '--no-first-run', '--disable-background-networking', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']

// visit runs in the page.
async function visit () {
  const form = (fields) => ({ method: 'POST', body: new URLSearchParams(fields) })
  const json = async (path, options) => (await fetch(path, options)).json()
  await json('/auth/login', form({ username: 'bot', password: 'secret' }))
  const { data: { token } } = await json('/auth/token')
  const { data: room } = await json('/room/lounge')
  await fetch('/user/nobody-here')
  const socket = new WebSocket(`ws://${location.host}/ws/?access_token=${token}&EIO=3&connect=1&transport=websocket`)
  const frame = (words) => new Promise((resolve) => {
    socket.addEventListener('message', function look ({ data }) {
      if (!words.every((word) => data.includes(word))) return
      socket.removeEventListener('message', look)
      resolve(data)
    })
  })
  await frame(['"action":4'])
  const attached = frame(['"action":11'])
  socket.send('4' + JSON.stringify({ action: 10, channel: `room:${room._id}`, reqId: 'har-1' }))
  await attached
  await json(`/room/${room._id}/users`, { method: 'POST' })
  const line = frame(['chat-message'])
  await json(`/chat/${room._id}`, form({ message: 'Hello from a browser', realTimeChannel: room.realTimeChannel, time: 1700000000000, type: 'chat-message' }))
  const result = await line
  const left = frame(['user-leave'])
  await fetch(`/room/${room._id}/users`, { method: 'DELETE' })
  await left // else it would be chance whether the recording has it
  socket.close()
  return { token, line: result }
}

async function main ([executablePath, url, file]) {
  const browser = await chromium.launch({ executablePath, args, headless: true, chromiumSandbox: false })
  const context = await browser.newContext({ recordHar: { path: file, content: 'embed', mode: 'full' } })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  await page.goto(`${url}/room/lounge`)
  const { token } = await page.evaluate(visit)
  const secrets = [token, ...(await context.cookies()).map((cookie) => cookie.value)]
  await context.close()
  await browser.close()
  let text = fs.readFileSync(file, 'utf8')
  secrets.forEach((secret, i) => {
    for (const spelling of [secret, encodeURIComponent(secret), decodeURIComponent(secret)]) text = text.replaceAll(spelling, `har-secret-${i + 1}-0123456789`)
  })
  const har = JSON.parse(text.replaceAll(new URL(url).host, '127.0.0.1:8080'))
  const kept = ['content-type', 'cookie', 'set-cookie', 'upgrade']
  for (const entry of har.log.entries) {
    for (const side of [entry.request, entry.response]) side.headers = side.headers.filter((h) => kept.includes(h.name.toLowerCase()))
    for (const name of ['serverIPAddress', '_serverPort', '_securityDetails']) delete entry[name]
  }
  har.log.comment = 'Made by internal/testkit/browser/chromium/har.js from a queuptest server: see tools/record/testdata/README.md.'
  fs.writeFileSync(file, JSON.stringify(har, null, 1) + '\n')
}

main(process.argv.slice(2)).catch((err) => {
  process.stderr.write(`${err.stack}\n`)
  process.exit(1)
})
