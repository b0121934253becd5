import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { type JSONRPCMessage, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import { LineSplitter } from './line-splitter.js';
import { descendantsOf, killProcesses, sendSignal } from './process-tree.js';

/** How a server is started. */
export interface StdioServer {
  readonly command: string;
  readonly args: readonly string[];
  /** Besides the few variables that every server gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/** Longest line of a server, in bytes: well over any result that a policy could read. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** Time in milliseconds that a server gets to end after the end of its input, and again after SIGTERM. */
const END_GRACE_MS = 2000;
const TERMINATE_GRACE_MS = 1000;
/** The last answer may still be in the pipe when the process has ended. */
const DRAIN_MS = 250;
const STDERR_TAIL = 2000;

/** Groups of the servers that run: none may outlive this process. */
const running = new Set<number>();
process.on('exit', () => {
  for (const pid of running) sendSignal(-pid, 'SIGKILL');
});

/**
 * A server process over its standard streams. Unlike the SDK's own transport it gives the server a process group of its
 * own and kills that and all descendants at the end, has a bound on the length of a line, takes what is no JSON-RPC for an
 * event and not for silence, and keeps the end of stderr for messages.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #server: StdioServer;
  #child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  #exited: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #stderr = '';
  #end: string | undefined;

  constructor(server: StdioServer) {
    this.#server = server;
  }

  /** How the process ended, with the end of what it wrote to stderr; undefined while it runs. */
  get end(): string | undefined {
    if (this.#end === undefined) return undefined;
    const said = this.#stderr.trim();
    return said === '' ? this.#end : `${this.#end}; the end of its stderr: ${said}`;
  }

  /** @throws an error that names the program, when it cannot be started. */
  async start(): Promise<void> {
    const { command, args, env, cwd } = this.#server;
    const child = spawn(command, args, {
      cwd,
      env: { ...getDefaultEnvironment(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
    const lines = new LineSplitter(
      MAX_LINE_BYTES,
      (line) => this.#receive(line),
      () => this.onerror?.(new Error(`a line of more than ${MAX_LINE_BYTES} bytes`)),
    );
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_TAIL);
    });
    for (const stream of [child.stdin, child.stdout, child.stderr]) {
      stream.on('error', (error) => this.onerror?.(error));
    }
    child.once('exit', (code, signal) => {
      this.#end = `the server ended with ${signal ?? `exit code ${code}`}`;
      // Not 'close' alone: a child of the server may hold its stdout open for ever.
      const drained = setTimeout(() => this.#finish(), DRAIN_MS);
      child.once('close', () => {
        clearTimeout(drained);
        this.#finish();
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) =>
        reject(
          new Error(`expected ${command} to start in ${cwd ?? process.cwd()}: ${error.message}`, { cause: error }),
        ),
      );
    });
    running.add(child.pid!);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) throw new Error(this.end ?? 'the server is not running');
    if (stdin.write(`${JSON.stringify(message)}\n`)) return;
    await new Promise<void>((resolve) => {
      stdin.once('drain', resolve);
      stdin.once('close', resolve);
    });
  }

  /** Ends the server and every process below it. Resolves when they are gone. */
  close(): Promise<void> {
    this.#closing ??= this.#endProcess();
    return this.#closing;
  }

  #receive(line: string): void {
    let message: JSONRPCMessage;
    try {
      message = JSONRPCMessageSchema.parse(JSON.parse(line));
    } catch {
      this.onerror?.(new InvalidOutputError(line));
      return;
    }
    this.onmessage?.(message);
  }

  async #endProcess(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const group = -child.pid;
    const descendants = descendantsOf(child.pid);
    child.stdin.end();
    if (!(await this.#endsWithin(END_GRACE_MS))) {
      sendSignal(group, 'SIGTERM');
      if (!(await this.#endsWithin(TERMINATE_GRACE_MS))) sendSignal(group, 'SIGKILL');
    }
    await this.#exited;
    // What the server has left running: in its group, and outside it.
    sendSignal(group, 'SIGKILL');
    killProcesses(descendants);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, false);
    });
    try {
      return await Promise.race([this.#exited.then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #finish(): void {
    const child = this.#child;
    if (child?.pid === undefined || !running.delete(child.pid)) return;
    sendSignal(-child.pid, 'SIGKILL');
    this.onclose?.();
  }
}

/** The server wrote something that is no JSON-RPC message. */
export class InvalidOutputError extends Error {
  constructor(line: string) {
    super(`expected a JSON-RPC message, received ${JSON.stringify(line.slice(0, 200))}`);
  }
}
