import { Docs } from './docs.js';
import { samples } from './samples.js';
import { post, subscribeSSE, subscribeWS } from './transport.js';

const $ = (id) => document.getElementById(id);
const kept = { query: 'jeongsan.query', variables: 'jeongsan.variables', history: 'jeongsan.history' };
const longestHistory = 30;
const shownMessages = 100;
let running = null;

function say(text, isError) {
  $('status').textContent = text;
  $('status').classList.toggle('error', Boolean(isError));
}

// operation reads the editors; it throws where the variables are not JSON.
function operation() {
  const query = $('query').value;
  const text = $('variables').value.trim();
  const variables = text ? JSON.parse(text) : {};
  return { query, variables };
}

const isSubscription = (query) => /^\s*subscription\b/m.test(query.replace(/#.*$/gm, ''));

function remember(query, variables) {
  localStorage.setItem(kept.query, query);
  localStorage.setItem(kept.variables, variables);
  const entries = history().filter((entry) => entry.query !== query || entry.variables !== variables);
  entries.unshift({ query, variables });
  localStorage.setItem(kept.history, JSON.stringify(entries.slice(0, longestHistory)));
  listHistory();
}

function history() {
  try {
    return JSON.parse(localStorage.getItem(kept.history)) || [];
  } catch {
    return [];
  }
}

function listHistory() {
  const entries = history();
  $('history').replaceChildren(new Option(entries.length ? 'choose…' : 'none yet', ''),
    ...entries.map((entry, i) => new Option(entry.query.replace(/#.*$/gm, '').replace(/\s+/g, ' ').trim().slice(0, 60), String(i))));
}

function fill(query, variables) {
  $('query').value = query;
  $('variables').value = variables;
}

async function run() {
  if (running) running.abort();
  const control = new AbortController();
  running = control;
  const started = performance.now();
  let asked;
  try {
    asked = operation();
  } catch (error) {
    say(`The variables are not JSON: ${error.message}`, true);
    return;
  }
  remember($('query').value, $('variables').value);
  $('stop').disabled = false;
  try {
    if (isSubscription(asked.query)) {
      await subscribe(asked, control.signal);
    } else {
      say('Running…');
      const answer = await post(asked, control.signal);
      $('response').textContent = JSON.stringify(answer, null, 2);
      say(answer.errors ? `Failed: ${answer.errors[0].message}` : `Done in ${Math.round(performance.now() - started)} ms.`, answer.errors);
    }
  } catch (error) {
    if (control.signal.aborted) say('Stopped.');
    else say(error.message, true);
  } finally {
    if (running === control) {
      running = null;
      $('stop').disabled = true;
    }
  }
}

async function subscribe(asked, signal) {
  let count = 0;
  let failed = false;
  const shown = [];
  $('response').textContent = '';
  say('Subscribed, waiting…');
  const open = $('transport').value === 'ws' ? subscribeWS : subscribeSSE;
  await open(asked, (answer) => {
    count++;
    failed = Boolean(answer.errors);
    shown.unshift(`${new Date().toLocaleTimeString()}\n${JSON.stringify(answer, null, 2)}`);
    shown.length = Math.min(shown.length, shownMessages);
    $('response').textContent = shown.join('\n\n');
    say(failed ? `Failed: ${answer.errors[0].message}` : `Subscribed, ${count} received, newest first.`, failed);
  }, signal);
  if (!failed) say(signal.aborted ? `Stopped after ${count}.` : `Ended after ${count}.`);
}

for (const [i, sample] of samples.entries()) $('samples').append(new Option(sample.name, String(i)));
$('samples').addEventListener('change', (event) => {
  const sample = samples[event.target.value];
  if (sample) fill(sample.query, sample.variables ? JSON.stringify(sample.variables, null, 2) : '');
});
$('history').addEventListener('change', (event) => {
  const entry = history()[event.target.value];
  if (entry) fill(entry.query, entry.variables);
});
$('run').addEventListener('click', run);
$('stop').addEventListener('click', () => running && running.abort());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});
fill(localStorage.getItem(kept.query) || samples[0].query, localStorage.getItem(kept.variables) || '');
listHistory();
new Docs($('docs'), $('search')).load().catch((error) => say(`The schema cannot be read: ${error.message}`, true));
