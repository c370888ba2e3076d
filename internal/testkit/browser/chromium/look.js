'use strict'
// Drives a headless Chromium with one page. Commands come on stdin, one JSON object a line, {"act":"name","args":[...]}, and
// each is answered on stdout by {"result":...} or {"error":"text"}. When stdin ends, so do the browser and this process.
//
// Usage: node look.js /path/to/chromium /empty/folder/for/its/profile
const { chromium } = require('playwright-core')

const args = [
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // No name is ever resolved: a page that asks for something elsewhere fails, and the test sees it ask.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--force-color-profile=srgb', '--hide-scrollbars'
]
const patience = 20_000 // for what should take no time, on a busy machine

async function main ([executablePath, profile]) {
  const context = await chromium.launchPersistentContext(profile, { executablePath, args, headless: true, chromiumSandbox: false })
  context.setDefaultTimeout(patience)
  const page = context.pages()[0] || await context.newPage()
  let errors = []
  let requests = []
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) errors.push(`${m.type()}: ${m.text()} (${m.location().url})`) })
  page.on('pageerror', (err) => errors.push(`exception: ${err.message}`))
  page.on('dialog', (dialog) => { errors.push(`dialog: ${dialog.message()}`); dialog.dismiss() })
  page.on('requestfailed', (r) => errors.push(`failed: ${r.url()} (${r.failure().errorText})`))
  page.on('request', (r) => requests.push(r.url()))

  const acts = {
    open: async (url, { width, height, dark }) => {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
      await page.goto(url, { waitUntil: 'domcontentloaded' })
    },
    evaluate: (expression) => page.evaluate(expression),
    // Playwright's own waiting needs eval, which a page may forbid.
    wait: async (expression) => {
      for (const end = Date.now() + patience; !await page.evaluate(expression);) {
        if (Date.now() > end) throw new Error(`after ${patience} ms not yet: ${expression}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    type: async (selector, text) => { await page.locator(selector).fill(text) },
    click: async (selector) => { await page.locator(selector).click() },
    screenshot: async (path, transparent) => { await page.screenshot({ path, omitBackground: transparent }) },
    // What the page complained about and asked for since the last report.
    report: () => {
      const report = { errors, requests }
      errors = []
      requests = []
      return report
    }
  }
  const answer = (line) => process.stdout.write(JSON.stringify(line) + '\n')
  const lines = require('readline').createInterface({ input: process.stdin })
  answer({ result: context.browser()?.version() ?? null })
  for await (const line of lines) {
    const { act, args } = JSON.parse(line)
    try {
      answer({ result: await acts[act](...args) ?? null })
    } catch (err) {
      answer({ error: String(err && err.message || err) })
    }
  }
  await context.close()
}

main(process.argv.slice(2)).catch((err) => {
  process.stderr.write(`${err.stack}\n`)
  process.exit(1)
})
