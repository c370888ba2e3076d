'use strict'
// The page is complete without this script: it filters, and keeps the place in the contents.

const filter = document.getElementById('filter')
const count = document.getElementById('count')
const articles = [...document.querySelectorAll('article')].map((element) => ({
  element,
  text: element.textContent.toLowerCase().replace(/\s+/g, ' '),
  link: document.querySelector(`nav a[href="#${CSS.escape(element.id)}"]`)
}))

// apply shows the articles that have all the words, in any order and anywhere.
function apply () {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
  let shown = 0
  for (const { element, text, link } of articles) {
    const hit = words.every((word) => text.includes(word))
    element.hidden = !hit
    link.parentElement.hidden = !hit
    if (hit) shown++
  }
  for (const group of document.querySelectorAll('.group')) group.hidden = !group.querySelector('article:not([hidden])')
  for (const section of document.querySelectorAll('nav section')) section.hidden = !section.querySelector('li:not([hidden])')
  document.querySelector('.about').hidden = words.length > 0
  document.getElementById('nothing').hidden = shown > 0
  count.textContent = words.length > 0 ? `${shown} of ${articles.length}` : `${articles.length} entries`
}

// An address may end with #filter=words, which can be passed on; any other end names a place. That place must be seen, whatever
// the filter says.
function follow () {
  const hash = decodeURIComponent(location.hash.slice(1))
  if (hash.startsWith('filter=')) {
    if (filter.value !== hash.slice(7)) {
      filter.value = hash.slice(7)
      apply()
    }
    return
  }
  const target = document.getElementById(hash)
  if (!target) return
  if (target.closest('[hidden]')) {
    filter.value = ''
    apply()
  }
  if (target.tagName === 'DETAILS') target.open = true
  target.scrollIntoView()
  for (const { element, link } of articles) link.classList.toggle('current', element === target)
  const current = document.querySelector('nav a.current')
  if (current) current.scrollIntoView({ block: 'nearest' })
}

filter.addEventListener('input', () => {
  apply()
  history.replaceState(null, '', filter.value ? '#filter=' + encodeURIComponent(filter.value) : '#')
  scrollTo(0, 0)
})
document.addEventListener('keydown', (e) => {
  if (e.key === '/' && document.activeElement !== filter) {
    e.preventDefault()
    filter.focus()
    filter.select()
  } else if (e.key === 'Escape' && document.activeElement === filter) {
    filter.value = ''
    filter.dispatchEvent(new Event('input'))
  }
})
addEventListener('hashchange', follow)
apply()
follow()
