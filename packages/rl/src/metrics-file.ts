import { closeSync, openSync, writeSync } from 'node:fs';

/** Appends records to a JSONL file, a whole line per write, so that a killed run leaves no half line but the last. */
export class MetricsFile implements Disposable {
  readonly #descriptor: number;

  /** Opens `path` for appending; creates it. */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'a');
  }

  write(record: Readonly<Record<string, unknown>>): void {
    writeSync(this.#descriptor, `${JSON.stringify(record)}\n`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
