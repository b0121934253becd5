import { describe, expect, test } from 'vitest';
import { finished, submitPag, type TestServer, testFolder, testServer, time } from './server.testing.js';

interface Message {
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** What an EventSource would make of a stream. */
function messages(text: string): Message[] {
  return text.split('\n\n').flatMap((block) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const data = field('data');
    return data === undefined ? [] : [{ id: Number(field('id')), event: field('event')!, data: JSON.parse(data) }];
  });
}

async function openStream(server: TestServer, id: string, lastEventId?: number) {
  const answer = await server.app.inject({
    url: `/v1/runs/${id}/events`,
    headers: lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) },
    payloadAsStream: true,
  });
  const body = { text: '', isEnded: false };
  answer.stream().on('data', (chunk: Buffer) => {
    body.text += chunk.toString();
  });
  answer.stream().on('end', () => {
    body.isEnded = true;
  });
  return Object.assign(body, { statusCode: answer.statusCode, headers: answer.headers });
}

describe('GET /v1/runs/:id/events', () => {
  test('follows a run live and ends with it', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    const stream = await openStream(server, id);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    await expect.poll(() => messages(stream.text).length).toBe(2);
    server.runs[0]!.say({ type: 'metric', time, record: { loss: 1 } }, { type: 'log', time, line: 'two\nlines' });
    await expect.poll(() => messages(stream.text).length).toBe(4);
    expect(stream.isEnded).toBe(false);
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await expect.poll(() => stream.isEnded).toBe(true);
    const received = messages(stream.text);
    expect(received.map(({ event }) => event)).toEqual(['status', 'status', 'metric', 'log', 'finished', 'status']);
    expect(received.map(({ id: number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(received.map(({ data }) => data.status).filter(Boolean)).toEqual(['queued', 'running', 'finished']);
    expect(received[3]?.data.line).toBe('two\nlines');
  });

  test('Last-Event-ID: the rest and only the rest; nothing left is 204', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(id, 'finished');
    const rest = await openStream(server, id, 2);
    await expect.poll(() => rest.isEnded).toBe(true);
    expect(messages(rest.text).map(({ id: number }) => number)).toEqual([3, 4]);
    expect((await openStream(server, id, 4)).statusCode).toBe(204);
    expect((await openStream(server, id, 99)).statusCode).toBe(204);
    const whole = await openStream(server, id);
    await expect.poll(() => whole.isEnded).toBe(true);
    expect(messages(whole.text)).toHaveLength(4);
  });

  test('a long history is replayed whole and in order', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    for (let update = 0; update < 450; update++) {
      server.runs[0]!.say({ type: 'metric', time, record: { update } });
    }
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(id, 'finished');
    const stream = await openStream(server, id);
    await expect.poll(() => stream.isEnded).toBe(true);
    const updates = messages(stream.text).flatMap(({ event, data }) => (event === 'metric' ? [data.record] : []));
    expect(updates).toEqual(Array.from({ length: 450 }, (_, update) => ({ update })));
  });

  test('silence is filled with heartbeats', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const stream = await openStream(server, await submitPag(server));
    await expect.poll(() => stream.text.split(': heartbeat\n\n').length).toBeGreaterThan(2);
  });

  test('closing the server ends the stream', async () => {
    using folder = testFolder();
    const server = await testServer(folder);
    const stream = await openStream(server, await submitPag(server));
    await server[Symbol.asyncDispose]();
    await expect.poll(() => stream.isEnded).toBe(true);
  });

  test('an unknown run is 404, a malformed Last-Event-ID 400', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    expect((await server.app.inject('/v1/runs/none/events')).statusCode).toBe(404);
    const id = await submitPag(server);
    const headers = { 'last-event-id': 'x' };
    expect((await server.app.inject({ url: `/v1/runs/${id}/events`, headers })).statusCode).toBe(400);
  });
});
