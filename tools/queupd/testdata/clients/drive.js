'use strict'
// What the scripts here have in common: the test sends commands on stdin and reads what happens on stdout, one JSON
// object a line each. A command is {"id":1,"act":"name","args":[]}, its answer {"id":1,"result":...} or
// {"id":1,"error":"text"}, and whatever happens by itself is {"event":"name","data":...}. When stdin ends, so does the
// process.

// lines goes through all that is written, in order; JSON has no undefined, so null stands for it.
const write = (line) => process.stdout.write(JSON.stringify(line, (_, v) => v === undefined ? null : v) + '\n')
const report = (event, data) => write({ event, data: data instanceof Error ? plain(data) : data })
const plain = (err) => ({ name: err.name, message: err.message })

// drive answers commands with acts: functions that return the result, or a promise of it.
function drive (acts) {
  require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
    const { id, act, args } = JSON.parse(line)
    try {
      write({ id, result: await acts[act](...args) })
    } catch (err) {
      write({ id, error: String(err && err.message || err) })
    }
  }).on('close', () => process.exit(0))
}

// An exception that a client does not catch would end a bot; here it ends the script, but not before the test hears of
// it.
process.on('uncaughtException', (err) => {
  report('uncaught', err)
  process.stderr.write(`${err.stack}\n`)
  process.exit(1)
})

module.exports = { drive, report }
