/** Cuts a byte stream into lines, without copying a long line once per chunk and without keeping one that has no end. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #onOverlong: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isSkipping = false;

  /**
   * @param onLine - called with each line, its end left out.
   * @param onOverlong - called once for a line over the limit; the line is dropped.
   */
  constructor(maxLineBytes: number, onLine: (line: string) => void, onOverlong: () => void) {
    this.#maxLineBytes = maxLineBytes;
    this.#onLine = onLine;
    this.#onOverlong = onOverlong;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#append(chunk.subarray(start, end));
      this.#finishLine();
      start = end + 1;
    }
    this.#append(chunk.subarray(start));
  }

  #append(part: Buffer): void {
    if (this.#isSkipping || part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxLineBytes) {
      this.#isSkipping = true;
      this.#parts = [];
      this.#onOverlong();
      return;
    }
    this.#parts.push(part);
  }

  #finishLine(): void {
    const line = Buffer.concat(this.#parts).toString().replace(/\r$/, '');
    const isComplete = !this.#isSkipping;
    this.#parts = [];
    this.#bytes = 0;
    this.#isSkipping = false;
    if (isComplete && line !== '') this.#onLine(line);
  }
}
