'use strict'
// QueUp's actions (docs/PROTOCOL.md 5.3) on Engine.IO 3 as npm has it. Listens on 127.0.0.1 only.
// usage: node server.js PORT PING_INTERVAL_MS PING_TIMEOUT_MS
// stdout has one JSON object a line: {"port":1}, then what happens. stdin takes commands: "burst CHANNEL N", "close REASON".
const http = require('http')
const engine = require('engine.io')

const [port, pingInterval, pingTimeout] = process.argv.slice(2).map(Number)
const server = http.createServer((req, res) => { res.writeHead(404); res.end() })
const io = engine.attach(server, { path: '/ws', transports: ['websocket'], pingInterval, pingTimeout, cookie: false })
const members = new Map() // channel -> set of sockets
const report = (event) => process.stdout.write(JSON.stringify(event) + '\n')
const membersOf = (channel) => members.get(channel) || new Set()
let connections = 0

io.on('connection', (socket) => {
  const clientId = 'bot'
  const connectionId = `k${process.pid}-${++connections}`
  const send = (frame) => socket.send(JSON.stringify(frame))
  report({ event: 'open', connectionId, query: Object.keys(socket.request._query).sort().join(' ') })
  send({ action: 4, clientId, connectionId })
  socket.on('message', (text) => {
    const f = JSON.parse(text)
    const named = { channel: f.channel, clientId, connectionId, reqId: f.reqId }
    switch (f.action) {
      case 10:
        if (!members.has(f.channel)) members.set(f.channel, new Set())
        members.get(f.channel).add(socket)
        report({ event: 'attach', channel: f.channel, connectionId })
        return send({ action: 11, ...named })
      case 12:
        membersOf(f.channel).delete(socket)
        return send({ action: 13, ...named })
      case 14: {
        const shown = { action: 14, channel: f.channel, presence: { ...f.presence, clientId, connectionId } }
        report({ event: 'presence', channel: f.channel, connectionId })
        send({ ...shown, reqId: f.reqId })
        for (const other of membersOf(f.channel)) if (other !== socket) other.send(JSON.stringify(shown))
        return
      }
      case 15:
        for (const member of membersOf(f.channel)) member.send(JSON.stringify({ action: 15, channel: f.channel, message: f.message }))
        return
      case 17:
        return send({ action: 17, token: 'token-of-the-server', clientId, reqId: f.reqId })
      default:
        return send({ action: 9, error: `unknown action ${f.action}`, reqId: f.reqId })
    }
  })
  socket.on('close', (reason) => {
    for (const set of members.values()) set.delete(socket)
    report({ event: 'close', connectionId, reason })
  })
})

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, channel, count] = line.split(' ')
  if (command === 'burst') {
    for (let n = 0; n < Number(count); n++) {
      const message = { name: 'tick', type: 'json', data: JSON.stringify({ type: 'tick', n, text: 'tü♥' }) }
      for (const member of membersOf(channel)) member.send(JSON.stringify({ action: 15, channel, message }))
    }
  } else if (command === 'close') {
    for (const id of Object.keys(io.clients)) io.clients[id].close()
  }
}).on('close', () => process.exit(0)) // the test is gone

server.listen(port, '127.0.0.1', () => report({ event: 'listening', port: server.address().port }))
