import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request to the fake endpoint, as its body says it. */
export interface FakeChatRequest {
  readonly model: string;
  readonly temperature?: number;
  readonly messages: readonly { readonly role: string; readonly content: string | null }[];
  readonly tools?: readonly unknown[];
}

/** What to answer: a message, a text alone, or a status that is no success. */
export type FakeChatAnswer = string | { readonly content: string | null; readonly tool_calls?: unknown } | number;

/** A server on loopback that answers chat completions by a function; for tests. */
export interface FakeEndpoint extends AsyncDisposable {
  /** Up to, and without, /chat/completions. */
  readonly baseUrl: string;
  readonly requests: FakeChatRequest[];
}

/** Starts the server on a free port. Every answer counts 100 prompt and 10 completion tokens. */
export async function startFakeEndpoint(answer: (request: FakeChatRequest) => FakeChatAnswer): Promise<FakeEndpoint> {
  const requests: FakeChatRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = JSON.parse(Buffer.concat(chunks).toString('utf8')) as FakeChatRequest;
      requests.push(request);
      const reply = answer(request);
      const isFailure = typeof reply === 'number';
      const message = typeof reply === 'string' ? { content: reply } : reply;
      const body = isFailure
        ? { error: { message: 'made-up failure' } }
        : {
            choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', ...(message as object) } }],
            usage: { prompt_tokens: 100, completion_tokens: 10 },
          };
      outgoing.writeHead(isFailure ? reply : 200, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
