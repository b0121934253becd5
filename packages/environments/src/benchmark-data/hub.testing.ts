import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of files on loopback, as package indexes and archive hosts are: it knows ranges. */
export interface FileHub extends AsyncDisposable {
  readonly url: string;
  /** What was asked for, in order: the path, and the range where there is one. */
  readonly requests: string[];
  /** Whether the next answer breaks off in its middle. */
  breaksOff: boolean;
  /** Pause in milliseconds before each of ten pieces of an answer. */
  pauseMs: number;
}

/** Starts the server on a free port. @param files - by path; text is JSON. */
export async function startFileHub(files: ReadonlyMap<string, Buffer | string>): Promise<FileHub> {
  const requests: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const { range } = incoming.headers;
    const path = incoming.url ?? '';
    requests.push(range === undefined ? path : `${path} ${range}`);
    const found = files.get(path);
    if (found === undefined) {
      outgoing.writeHead(404).end();
      return;
    }
    const whole = Buffer.from(found as string);
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from > whole.length) {
      outgoing.writeHead(416).end();
      return;
    }
    const body = whole.subarray(from);
    const type = typeof found === 'string' ? 'application/vnd.pypi.simple.v1+json' : 'application/octet-stream';
    outgoing.writeHead(range === undefined ? 200 : 206, { 'content-type': type, 'content-length': body.length });
    const isBroken = hub.breaksOff && typeof found !== 'string';
    if (isBroken) hub.breaksOff = false;
    const piece = Math.ceil(body.length / 10);
    for (let at = 0; at < body.length; at += piece) {
      if (hub.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, hub.pauseMs));
      await new Promise((resolve) => outgoing.write(body.subarray(at, at + piece), resolve));
      if (isBroken && at >= body.length / 2) {
        outgoing.destroy();
        return;
      }
    }
    outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const hub: FileHub = {
    url: `http://127.0.0.1:${port}`,
    requests,
    breaksOff: false,
    pauseMs: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hub;
}
