'use strict'
// Engine.IO's own client, which knows nothing of QueUp. Usage: node engine.io-client.js URL
const network = require('./network')
network.lead([], process.argv[2])
require('./clock')

const connect = require('engine.io-client')
const { drive, report } = require('./drive')

let socket

drive({
  open: (query) => {
    socket = connect(process.argv[2].replace('http', 'ws'), { path: '/ws', query, transports: ['websocket'] })
    socket.on('handshake', (data) => report('handshake', data))
    socket.on('open', () => report('open', { id: socket.id, protocol: connect.protocol, transport: socket.transport.name }))
    socket.on('packet', (packet) => report('packet', packet))
    socket.on('ping', () => report('ping', Date.now()))
    socket.on('pong', () => report('pong', Date.now()))
    socket.on('message', (text) => report('message', JSON.parse(text)))
    socket.on('error', (err) => report('error', { type: err.type, message: err.message, cause: err.description && err.description.message }))
    socket.on('close', (reason) => report('close', reason))
  },
  send: (message) => { socket.send(JSON.stringify(message)) },
  close: () => { socket.close() }
})
