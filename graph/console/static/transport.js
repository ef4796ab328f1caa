// The API is beside the folder of this file, wherever the page stands.
const endpoint = new URL('../graphql', import.meta.url);

// post sends one operation and returns the answer.
export async function post(operation, signal) {
  const response = await fetch(endpoint, {
    method: 'POST', signal,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(operation),
  });
  return response.json();
}

// subscribeSSE calls next with each answer until the stream or the signal ends.
export async function subscribeSSE(operation, next, signal) {
  const response = await fetch(endpoint, {
    method: 'POST', signal,
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify(operation),
  });
  if (!response.ok || !(response.headers.get('Content-Type') || '').startsWith('text/event-stream')) {
    next(await response.json());
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (rest + value).split('\n\n');
    rest = messages.pop();
    for (const message of messages) {
      const lines = message.split('\n');
      if (lines.includes('event: complete')) return;
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
      if (data) next(JSON.parse(data));
    }
  }
}

// subscribeWS does the same over WebSocket, by the protocol graphql-transport-ws.
export function subscribeWS(operation, next, signal) {
  return new Promise((resolve, reject) => {
    const url = new URL(endpoint);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const send = (message) => socket.send(JSON.stringify(message));
    signal.addEventListener('abort', () => socket.close(1000));
    socket.onopen = () => send({ type: 'connection_init' });
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      switch (message.type) {
        case 'connection_ack': send({ id: '1', type: 'subscribe', payload: operation }); break;
        case 'ping': send({ type: 'pong' }); break;
        case 'next': next(message.payload); break;
        case 'error': next({ errors: message.payload }); socket.close(1000); break;
        case 'complete': socket.close(1000); break;
      }
    };
    socket.onclose = (event) => (event.code === 1000 || signal.aborted ? resolve() : reject(new Error(`connection closed (${event.code}) ${event.reason}`)));
  });
}
