// Uses the page of a running server as a person would, in a Chromium without a
// window, and fails unless everything works: node check.mjs ADDRESS CHROMIUM
//
// Nothing may go wrong on the way: no error or warning of the content security
// policy on the browser's console, no failed request, none to another host.
import { chromium } from 'playwright-core';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

const [address, executablePath] = process.argv.slice(2);
if (!executablePath) throw new Error('usage: node check.mjs ADDRESS CHROMIUM');
const own = new URL(address);
const patience = 30_000; // milliseconds for each step
const faults = [];
const profile = await mkdtemp(join(tmpdir(), 'jeongsan-console-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1600, height: 1000 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// watch notes whatever a page does wrong.
function watch(page) {
  page.on('console', (message) => {
    if (message.type() === 'error' || /content security policy/i.test(message.text())) faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.stack}`));
  page.on('crash', () => faults.push('the page crashed'));
  page.on('requestfailed', (request) => faults.push(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => response.status() >= 400 && faults.push(`answered ${response.status()}: ${response.url()}`));
  page.on('websocket', (socket) => checkHost(socket.url()));
}

function checkHost(url) {
  const { protocol, host } = new URL(url);
  if (!['data:', 'blob:'].includes(protocol) && host !== own.host) faults.push(`request to another host: ${url}`);
}

async function step(name, work) {
  const started = performance.now();
  await work();
  if (faults.length) throw new Error(`${name}: ${faults.join('\n')}`);
  console.log(`  ${name} (${Math.round(performance.now() - started)} ms)`);
}

// answer waits until what a page shows as its answer satisfies a test, and returns it.
async function answer(page, satisfied, what) {
  const deadline = performance.now() + patience;
  for (let shown = ''; ;) {
    // The editor draws blanks as U+00A0, and only the lines in sight.
    shown = (await page.locator('.graphiql-response .view-lines').innerText()).replaceAll('\u00a0', ' ');
    if (satisfied(shown)) return shown;
    if (performance.now() > deadline) throw new Error(`${what} did not come; shown is: ${shown}; ${faults.join('\n')}`);
    await after(100);
  }
}

// chosen waits until a tab is what will run: GraphiQL takes an operation over some
// time after it shows it, and stores its tabs later still.
const chosen = (page, name) => page.waitForFunction((wanted) => {
  const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}');
  return tabs?.[activeTabIndex]?.operationName === wanted;
}, name);

const tab = (page, name) => page.getByRole('tab', { name });
const run = (page) => page.getByRole('button', { name: /^Execute query/ });

try {
  context.on('request', (request) => checkHost(request.url()));
  const page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(patience);
  watch(page);

  await step('GraphiQL renders, with the samples as tabs', async () => {
    await page.goto(own.href);
    if (await page.title() !== 'Jeongsan') throw new Error(`the title is ${await page.title()}`);
    await page.locator('.graphiql-query-editor .view-lines').getByText('parties').first().waitFor();
    for (const name of ['Balances', 'Live', 'Settle']) await tab(page, name).waitFor();
  });
  await step('a sample runs', async () => {
    await run(page).click();
    await answer(page, (text) => text.includes('"balances"') && !text.includes('"errors"'), 'the answer');
  });
  await step('a query that was typed, with completion by the schema, gives a result', async () => {
    await page.getByRole('button', { name: 'New tab' }).click();
    await page.locator('.graphiql-query-editor .monaco-editor').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('query Typed { lo');
    await page.locator('.suggest-widget').getByText('log').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.type('g { incarnation } }');
    await chosen(page, 'Typed');
    await page.keyboard.press('Control+Enter');
    await answer(page, (text) => /"incarnation": 1\b/.test(text), 'the answer');
  });
  await step('a subscription delivers over WebSocket, more than once, until it is stopped', async () => {
    await tab(page, 'Live').click();
    await page.locator('.graphiql-query-editor .view-lines').getByText('balanceChanged').first().waitFor();
    await chosen(page, 'Live');
    const [socket] = await Promise.all([page.waitForEvent('websocket'), run(page).click()]);
    if (new URL(socket.url()).pathname !== '/graphql') throw new Error(`the subscription went to ${socket.url()}`);
    const cursor = (text) => text.match(/"cursor": "([^"]+)"/)?.[1];
    const first = cursor(await answer(page, cursor, 'the first message'));
    await answer(page, (text) => cursor(text) && cursor(text) !== first, 'a later message');
    await page.getByRole('button', { name: /^Stop query/ }).click();
    await run(page).waitFor();
  });
  await step('the schema is documented', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer').getByText('Subscription').first().waitFor();
  });
  await step('our own page stands beside it, and runs a sample', async () => {
    await page.goto(new URL('console/', own).href);
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('#response').getByText('"balances"').first().waitFor();
    await page.locator('#docs').getByText('Subscription').first().waitFor();
    await page.locator('#samples').selectOption({ label: 'Live balance (subscription)' });
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('#response').getByText('"cursor"').first().waitFor();
  });
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
