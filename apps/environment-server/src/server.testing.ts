import { environmentServerConfigSchema, parseClosed } from '@parl-mt/schema';
import { WebSocket } from 'ws';
import { createEnvironmentServer, type EnvironmentServer } from './create-environment-server.js';

/** Small tasks of one class: enough to play, quick to make. */
export const smallTasks = {
  tasks: 8,
  minTurns: 2,
  maxTurns: 3,
  maxCallsPerTurn: 1,
  classes: ['GorillaFileSystem', 'MathAPI'],
};

export function testServer(config: object = {}, logged: string[] = []): Promise<EnvironmentServer> {
  return createEnvironmentServer({
    config: parseClosed(environmentServerConfigSchema, { port: 0, synthesis: smallTasks, ...config }, 'test'),
    version: '0.0.0',
    cwd: import.meta.dirname,
    logStream: { write: (line) => void logged.push(line) },
  });
}

/** A frame as the tests read it. */
export interface AnswerFrame {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly data: any;
}

/** One question, one answer: as clients of OpenEnv talk. */
export class TestClient {
  readonly #answers: AnswerFrame[] = [];
  readonly #waiting: ((frame: AnswerFrame) => void)[] = [];
  readonly closed: Promise<number>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as AnswerFrame;
      const next = this.#waiting.shift();
      if (next === undefined) this.#answers.push(frame);
      else next(frame);
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    // A question without an answer fails its test at once.
    void this.closed.then((code) => {
      for (const next of this.#waiting.splice(0)) next({ type: 'closed', data: { code } });
    });
  }

  next(): Promise<AnswerFrame> {
    const answer = this.#answers.shift();
    return answer === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(answer);
  }

  async send(message: unknown): Promise<AnswerFrame> {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    return await this.next();
  }

  reset(data: object = {}): Promise<AnswerFrame> {
    return this.send({ type: 'reset', data });
  }

  /** @param args - an object, or JSON text where the spelling of numbers matters. */
  call(name: string, args: object | string = {}): Promise<AnswerFrame> {
    const text = typeof args === 'string' ? args : JSON.stringify(args);
    return this.send(
      `{"type": "step", "data": {"type": "call_tool", "tool_name": ${JSON.stringify(name)}, "arguments": ${text}}}`,
    );
  }

  respond(message = 'Done.'): Promise<AnswerFrame> {
    return this.call('respond', { message });
  }
}

/** A socket of a server, which listens from the first one on. */
export async function connect(server: EnvironmentServer, path = '/ws'): Promise<TestClient> {
  const address = await addressOf(server);
  const socket = new WebSocket(`${address.replace('http', 'ws')}${path}`);
  // Made before the socket is open: a refusal may follow the handshake at once.
  const client = new TestClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return client;
}

const addresses = new WeakMap<EnvironmentServer, Promise<string>>();

export function addressOf(server: EnvironmentServer): Promise<string> {
  let address = addresses.get(server);
  if (address === undefined) {
    address = server.listen();
    addresses.set(server, address);
  }
  return address;
}
