import { CallFailure, CallReader, quote } from './call-reader.js';

/** A message that is either one bracketed list of calls and nothing else, or content. */
export abstract class CallListReader extends CallReader {
  private state: 'start' | 'content' | 'item' | 'separator' | 'closed' = 'start';
  private count = 0;

  /** Whether text behind the bracket begins a list of calls; undefined while more text could tell. */
  protected abstract opensList(rest: string): boolean | undefined;
  /** Reads the item that waits; false while it is not complete. It emits the call. */
  protected abstract readItem(): boolean;

  protected advance(): boolean {
    switch (this.state) {
      case 'start':
        return this.readStart();
      case 'content':
        this.emitContent(this.consume(this.waiting.length));
        return false;
      case 'item':
        return this.readNext();
      case 'separator':
        return this.readSeparator();
      case 'closed':
        return this.readRest();
    }
  }

  private readStart(): boolean {
    const start = this.waiting.length - this.waiting.trimStart().length;
    if (start === this.waiting.length && !this.isEnded) return false;
    const rest = this.waiting.slice(start);
    const isList = rest[0] === '[' ? this.opensList(rest.slice(1)) : false;
    if (isList === undefined && !this.isEnded) return false;
    if (isList === true) this.consume(start + 1);
    this.state = isList === true ? 'item' : 'content';
    return true;
  }

  private readNext(): boolean {
    this.skipSpace();
    if (this.waiting === '') return this.needMore('a call or "]"');
    // Empty, or with a comma behind the last call.
    if (this.waiting[0] === ']') {
      this.consume(1);
      this.state = 'closed';
      return true;
    }
    if (!this.readItem()) return this.needMore('the end of the call');
    this.count += 1;
    this.state = 'separator';
    return true;
  }

  private readSeparator(): boolean {
    this.skipSpace();
    if (this.waiting === '') return this.needMore('"," or "]"');
    const next = this.waiting[0];
    if (next !== ',' && next !== ']') {
      if (!this.isQuotable) return false;
      throw new CallFailure(
        'syntax',
        `expected "," or "]" behind call ${this.count}, received ${quote(this.waiting)}`,
        this.offset,
      );
    }
    this.consume(1);
    this.state = next === ',' ? 'item' : 'closed';
    return true;
  }

  private readRest(): boolean {
    this.skipSpace();
    if (this.waiting === '' || !this.isQuotable) return false;
    throw new CallFailure(
      'trailing',
      `expected nothing behind the list of calls, received ${quote(this.waiting)}`,
      this.offset,
    );
  }

  private skipSpace(): void {
    this.consume(this.waiting.length - this.waiting.trimStart().length);
  }

  private needMore(what: string): false {
    if (this.isEnded)
      throw new CallFailure('incomplete', `expected ${what}, the text ends`, this.offset + this.waiting.length);
    return false;
  }
}
