'use strict'
// DubAPI as a bot author would use it. Usage: node dubapi.js URL
const network = require('./network')
network.lead(['api.queup.net', 'ws.queup.net'], process.argv[2])
require('./clock')

const DubAPI = require('dubapi')
const { drive, report } = require('./drive')

let bot

// All events of its table, and those of the connection.
function listen () {
  for (const name of Object.values(bot.events)) bot.on(name, (data) => report(name, data))
  for (const name of ['connected', 'disconnected', 'error', 'socket:open', 'socket:close']) bot.on(name, (data) => report(name, data))
  bot.on('socket:message', ({ action, channel, message }) => report('socket:message', { action, channel, name: message && message.name }))
}

drive({
  login: (username, password) => new Promise((resolve, reject) => {
    new DubAPI({ username, password }, (err, it) => { // eslint-disable-line no-new
      if (err) return reject(err)
      bot = it
      listen()
      resolve({ version: bot.version, events: Object.values(bot.events) })
    })
  }),
  // A method that answers through a callback: what it was called with, or false if DubAPI refused by itself.
  ask: (name, ...args) => new Promise((resolve) => {
    if (bot[name](...args, (code, body) => resolve({ code, body })) === false) resolve(false)
  }),
  // A method that answers at once, or never.
  get: (name, ...args) => bot[name](...args),
  // A method that wants a user of getUser.
  is: (name, uid, ...args) => bot[name](bot.getUser(uid), ...args),
  cut: () => network.cut('ws.queup.net')
})
