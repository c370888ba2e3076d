'use strict'
// Dubtrack's own websocket client, as its website used it. Usage: node dubtrack-ws-client.js URL
const network = require('./network')
network.lead([], process.argv[2])
const { host, hostname } = new URL(process.argv[2])

const SocketClient = require('dubtrack-ws-client')
const { drive, report } = require('./drive')

let client
const channel = (name) => client.channels.get(name)
const whole = (call) => new Promise((resolve, reject) => call((err, result) => err ? reject(err) : resolve(result)))

drive({
  // token is what GET /auth/token has in its data, or just the token. Polling, with which the library would begin, is
  // not offered by the server (docs/PROTOCOL.md 5.1).
  open: (token) => {
    client = new SocketClient({ host, transports: ['websocket'], authCallback: (_, done) => setImmediate(done, null, token) })
    const { connection } = client
    for (const name of ['connected', 'disconnected', 'failed', 'closing', 'closed', 'error']) {
      connection.on(name, () => report(name, { clientId: connection.clientId, connectionId: connection.connectionId }))
    }
  },
  // Listens to all there is in a channel. To subscribe is to attach, if that was not done.
  hear: (name) => {
    channel(name).subscribe((message) => report('message', { channel: name, ...message }))
    for (const what of ['enter', 'leave', 'update']) channel(name).presence.on(what, (data) => report(what, { channel: name, ...data }))
  },
  attach: (name) => whole((done) => channel(name).attach(done)),
  detach: (name) => whole((done) => channel(name).detach(done)),
  state: (name) => channel(name).state,
  // Its enter hands its callback to nobody (sendCallback passes the message on in its place), so nothing is waited for.
  enter: (name) => channel(name).presence.enter(() => {}),
  leave: (name) => whole((done) => channel(name).presence.leave(done)),
  // It can read an update but has no method that sends one.
  update: (name, data) => client.connection.send({ action: 14, channel: name, presence: { action: 2, data } }),
  members: (name, options) => whole((done) => channel(name).presence.get(options, done)),
  token: () => whole((done) => client.auth.createTokenRequest({}, done)),
  close: () => client.close(),
  cut: () => network.cut(hostname)
})
