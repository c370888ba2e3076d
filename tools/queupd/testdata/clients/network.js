'use strict'
// A network that ends at the loopback, for this process alone: hosts that a client has built in lead to a server of
// ours, and any other host ends the process. The clients are not changed; node's own net, tls, dns and dgram are. Child
// processes and worker threads are not covered, and no client here starts any.
//
//   const network = require('./network') // before the client, which must find nothing else
//   network.lead(['api.queup.net', 'ws.queup.net'], 'http://127.0.0.1:8080')
//   network.cut('ws.queup.net')          // every connection to that host is lost
//
// What was led speaks plain text under its https and wss addresses: the server knows no TLS.
const dgram = require('dgram')
const dns = require('dns')
const net = require('net')
const tls = require('tls')

const REFUSED = 97 // the exit status of a process that wanted to go elsewhere

const routes = new Map() // host name -> { host, port } on the loopback
const open = new Map() // host name as the client knows it -> its sockets

function lead (hosts, url) {
  const { hostname, port } = new URL(url)
  const to = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
  if (!/^127\.|^::1$/.test(to.host) || !to.port) throw new Error(`${url} is not an address of the loopback with a port`)
  for (const name of [...hosts, to.host]) routes.set(name, to)
}

function cut (name) {
  for (const socket of open.get(name) || []) socket.destroy()
}

// Nothing may go unnoticed, not even what a client would catch: hence no exception.
function refuse (what) {
  process.stderr.write(`network: ${what} is refused; allowed: ${[...routes.keys()].join(', ') || 'nothing yet'}\n${new Error('asked for').stack}\n`)
  process.exit(REFUSED)
}

// destination reads the arguments of connect: (options), (port, host), (path), or all of them in one array.
function destination (args) {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args
  if (first !== null && typeof first === 'object') return first
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { path: first }
  return { port: first, host: typeof second === 'string' ? second : undefined }
}

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const wanted = destination(args)
  if (wanted.path) return refuse(`the local socket ${wanted.path}`)
  const name = wanted.host || 'localhost'
  const to = routes.get(name)
  // An address of the loopback is led nowhere but to the port that was named.
  if (!to || (net.isIP(name) && Number(wanted.port) !== to.port)) return refuse(`${name}:${wanted.port}`)
  if (!open.has(name)) open.set(name, new Set())
  open.get(name).add(this)
  this.once('close', () => open.get(name).delete(this))
  const done = args.find((a) => typeof a === 'function') || (Array.isArray(args[0]) && args[0].find((a) => typeof a === 'function'))
  return connect.call(this, { host: to.host, port: to.port }, ...(done ? [done] : []))
}

// Where TLS would begin, plain text does. Whoever waits for the handshake hears of one.
tls.connect = function (...args) {
  const wanted = destination(args)
  const done = args.find((a) => typeof a === 'function')
  const socket = net.connect({ host: wanted.servername || wanted.host, port: wanted.port })
  socket.encrypted = socket.authorized = true
  if (done) socket.once('secureConnect', done)
  return socket.once('connect', () => socket.emit('secureConnect'))
}

// Names are led before they are looked up, so a look-up is one too many.
for (const from of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(from)) {
    if (/^(lookup|resolve|reverse)/.test(name)) from[name] = (host) => refuse(`${name} of ${host}`)
  }
}

for (const name of ['bind', 'connect', 'send']) dgram.Socket.prototype[name] = () => refuse('UDP')

module.exports = { lead, cut, REFUSED }
