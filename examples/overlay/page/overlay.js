// The page draws what the program sends: whole pictures, as server-sent events. What people wrote reaches the document as
// text and nothing else: there is textContent here, and no innerHTML.
'use strict'

const byId = (id) => document.getElementById(id)
const root = document.documentElement
const body = document.body

// ?show=now,queue,chat picks parts, ?scale=1.25 sizes, ?accent=ff5c8a colours, ?backdrop is for looking outside of OBS.
const wish = new URLSearchParams(location.search)
const parts = ['now', 'queue', 'chat']
const shown = (wish.get('show') || '').split(',').filter((part) => parts.includes(part))
for (const part of parts) byId(part).classList.toggle('hidden', shown.length > 0 && !shown.includes(part))
if (shown.length > 0) {
  body.classList.toggle('only-chat', shown.every((part) => part === 'chat'))
  body.classList.toggle('only-left', !shown.includes('chat'))
  byId('left').classList.toggle('hidden', shown.every((part) => part === 'chat'))
}
const scale = Number(wish.get('scale'))
if (scale >= 0.5 && scale <= 4) root.style.fontSize = `calc(clamp(15px, 1.05vw, 42px) * ${scale})`
if (/^[0-9a-f]{6}$/i.test(wish.get('accent') || '')) root.style.setProperty('--accent', '#' + wish.get('accent'))
root.classList.toggle('backdrop', wish.has('backdrop'))

// colour gives every name one of its own, always the same. Blue looks darker than other colours, so it is made lighter.
function colour (name) {
  const h = hue(name)
  const blue = Math.max(0, 1 - Math.abs(h - 250) / 60)
  return `hsl(${h} 88% ${72 + 10 * blue}%)`
}

function hue (name) {
  let h = 2166136261
  for (const letter of name) h = Math.imul(h ^ letter.codePointAt(0), 16777619)
  return Math.floor((Math.imul(h ^ (h >>> 15), 0x9e3779b1) >>> 0) / 2 ** 32 * 360)
}

function element (tag, className, ...content) {
  const e = document.createElement(tag)
  if (className) e.className = className
  e.append(...content) // strings become text nodes
  return e
}

function write (id, text) {
  const e = byId(id)
  text = String(text)
  if (e.textContent === text) return false
  e.textContent = text
  return true
}

// list draws items in their order and keeps the elements of those that are there already, so that nothing flickers.
function list (parent, items, draw) {
  const old = new Map([...parent.children].map((e) => [e.dataset.id, e]))
  const elements = items.map((item) => {
    const e = old.get(item.id) || draw(item)
    e.dataset.id = item.id
    return e
  })
  const keep = new Set(elements)
  for (const e of old.values()) if (!keep.has(e)) e.remove()
  elements.forEach((e, i) => { if (parent.children[i] !== e) parent.insertBefore(e, parent.children[i] || null) })
  return elements
}

function minutes (ms) {
  const s = Math.max(0, Math.floor(ms / 1000))
  const mm = Math.floor(s / 60) % 60
  const ss = String(s % 60).padStart(2, '0')
  return s < 3600 ? `${mm}:${ss}` : `${Math.floor(s / 3600)}:${String(mm).padStart(2, '0')}:${ss}`
}

function soon (ms) {
  if (ms < 60_000) return 'soon'
  const m = Math.round(ms / 60_000)
  return m < 60 ? `in ${m} min` : `in ${Math.floor(m / 60)} h ${m % 60} min`
}

let picture = null
let drawnAt = 0 // when it came, by this machine's clock
let first = true

function draw (p) {
  picture = p
  drawnAt = performance.now()
  write('name', p.room)
  write('people', `· ${p.people} here`)
  drawSong(p.playing)
  byId('queue').classList.toggle('unknown', p.blind)
  list(byId('entries'), p.queue, (song) => {
    const name = element('span', 'name', song.title)
    if (song.artist) name.append(element('span', '', ' · ' + song.artist))
    return element('li', '', element('span', 'place'), name, element('span', 'who', element('b', '', song.dj), element('span', 'in')))
  }).forEach((e, i) => { e.querySelector('.place').textContent = i + 1 })
  if (p.queue.length === 0) byId('entries').replaceChildren(element('li', '', element('span'), element('span', 'name', 'Nobody waits')))
  write('more', p.more > 0 ? `and ${p.more} more` : '')
  const quiet = first
  list(byId('lines'), p.chat, (line) => {
    const name = element('b', '', line.name)
    name.style.color = colour(line.name)
    return element('li', (quiet ? '' : 'new') + (line.action ? ' action' : ''), name, line.text)
  })
  first = false
  body.classList.remove('waiting')
  connected(p.live)
  tick()
}

function drawSong (song) {
  body.classList.toggle('silent', !song)
  body.classList.toggle('endless', Boolean(song && song.endless))
  if (!song) {
    write('what', 'Silence')
    write('title', 'Nothing plays right now')
    write('artist', 'Queue a song to change that')
    return
  }
  write('what', song.endless ? 'Live stream' : 'Now playing')
  if (byId('by').dataset.dj !== song.dj) {
    byId('by').dataset.dj = song.dj
    byId('by').replaceChildren('queued by ', element('b', '', song.dj))
  }
  write('title', song.title)
  write('artist', song.artist)
  byId('disc').style.setProperty('--hue', hue(song.id + song.title))
  for (const votes of ['up', 'down', 'grabs']) {
    const known = byId(votes).dataset.song === song.id
    byId(votes).dataset.song = song.id
    if (write(votes, song[votes]) && known) {
      byId(votes).classList.remove('bump')
      requestAnimationFrame(() => byId(votes).classList.add('bump'))
    }
  }
}

// tick moves what moves by itself.
function tick () {
  if (!picture) return
  const since = performance.now() - drawnAt
  const song = picture.playing
  if (song) {
    const elapsed = Math.min(song.elapsed + since, song.endless ? Infinity : song.length)
    write('clock', song.endless ? minutes(elapsed) : `${minutes(elapsed)} / ${minutes(song.length)}`)
    byId('bar').style.width = song.length > 0 ? `${100 * elapsed / song.length}%` : '0'
  }
  for (const e of byId('entries').children) {
    const next = picture.queue.find((s) => s.id === e.dataset.id)
    const where = e.querySelector('.in')
    if (next && where) where.textContent = next.in < 0 ? '' : ' · ' + soon(next.in - since)
  }
}
setInterval(tick, 250)

function connected (is) { body.classList.toggle('lost', !is) }

// An EventSource comes back by itself when a connection breaks, but not after an error status, and it does not notice a
// connection over which nothing comes any more.
let source
let received = 0

function connect () {
  if (source) source.close()
  received = performance.now()
  source = new EventSource('events')
  source.addEventListener('picture', (e) => {
    received = performance.now()
    draw(JSON.parse(e.data))
  })
  source.addEventListener('beat', () => { received = performance.now() })
  source.onerror = () => connected(false)
}

setInterval(() => {
  if (source.readyState === EventSource.CLOSED || performance.now() - received > 40_000) connect()
}, 3000)
connect()
