'use strict'
// Waits of five seconds or more take a twentieth of that, in this process: a client that tries again after 5 s, pings
// after 25 s or sends 10 requests in 30 s does so in 250 ms, 1.25 s and 1.5 s. Shorter ones are mostly limits to how
// long an answer may take, and stay. Load before the client.
const LONG = 5000
const FACTOR = 20

const { setTimeout } = global
global.setTimeout = Object.assign((act, ms, ...args) => setTimeout(act, ms >= LONG ? ms / FACTOR : ms, ...args), setTimeout)
