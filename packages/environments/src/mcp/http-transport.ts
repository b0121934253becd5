import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { McpHttpConfig } from '@parl-mt/schema';

/** Longest answer of a server to one request, in bytes: well over any result that a policy could read. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A session of its own with a server over streamable HTTP. */
export function httpTransport({ url, headers }: McpHttpConfig): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers },
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      // The stream of a GET lives as long as the session: there is no bound on its whole length.
      const isAnswer = init?.method === 'POST' && response.body !== null;
      return isAnswer ? limited(response, response.body, MAX_ANSWER_BYTES) : response;
    },
  });
}

/** The same response, whose body fails beyond so many bytes. */
function limited(response: Response, body: NonNullable<Response['body']>, maxBytes: number): Response {
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) controller.error(new Error(`an answer of more than ${maxBytes} bytes`));
      else controller.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(counter), {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
  });
}
