'use strict'
// DubAPI as tools/bench measures it: one handler for chat and one for all events. It takes the arguments of the other programs there,
// and tells the same two lines.
const fs = require('fs')
const network = require('./network')

const args = {}
for (let i = 2; i < process.argv.length; i++) {
  const name = process.argv[i].replace(/^-+/, '')
  args[name] = name === 'times' ? true : process.argv[++i]
}
const frames = Number(args.frames || 0)
network.lead(['api.queup.net', 'ws.queup.net'], args.url)

const DubAPI = require('dubapi')

const now = () => Math.round((performance.timeOrigin + performance.now()) * 1e6)
const tell = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const fail = (err) => {
  process.stderr.write(`bench.js: ${err && (err.stack || err.message || err)}\n`)
  process.exit(1)
}
const peakRSS = () => Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024

let begun, cpu
const heard = []
let chats = 0

function listen (bot) {
  bot.on('error', fail)
  bot.on('chat-message', () => {
    chats++
    if (args.times) heard.push(now())
  })
  bot.on('*', (e) => {
    if (e.type === 'bench-begin') {
      chats = heard.length = 0 // those of the warm-up
      begun = process.hrtime.bigint()
      cpu = process.cpuUsage()
    } else if (e.type === 'bench-end') {
      const used = process.cpuUsage(cpu)
      tell({
        done: frames, // it hears the last; of some it tells nobody
        chats,
        wall: Number(process.hrtime.bigint() - begun),
        cpu: (used.user + used.system) * 1000,
        mallocs: 0,
        peakRSS: peakRSS(),
        heard
      })
      process.exitCode = 0
      setTimeout(() => process.exit(0), 10) // what was told is on its way
    }
  })
  // It is ready when it has the room's state and the websocket is attached, which it does not wait for itself.
  let missing = 2
  const step = () => {
    if (--missing) return
    tell({ ready: now() })
    if (!frames) setTimeout(() => process.exit(0), 10) // that was all
  }
  bot.once('connected', step)
  bot.on('socket:message', function attached (packet) {
    if (packet.action !== 11) return
    bot.off('socket:message', attached)
    step()
  })
  bot.connect(args.room)
}

// eslint-disable-next-line no-new
new DubAPI({ username: args.user, password: args.password }, (err, bot) => err ? fail(err) : listen(bot))
