import { UsageError } from '@parl-mt/schema';
import { parseCallText, renderCallText } from '../python-call.js';
import { CallFailure } from './call-reader.js';
import { checkLength } from './json-call.js';
import { CallListReader } from './list-reader.js';
import type { ToolCallFormat } from './tool-call-format.js';

/**
 * BFCL's prompting mode: the whole message is `[name(key=value, …), …]` with Python literals as values; any other message
 * is content.
 */
export const pythonFormat: ToolCallFormat = {
  name: 'python',
  render(calls, content = '') {
    if (calls.length > 0 && content !== '') {
      throw new UsageError('expected calls or content in the format python, received both');
    }
    return calls.length === 0 ? content : `[${calls.map(renderCallText).join(', ')}]`;
  },
  stream: () => new PythonReader(),
};

/** A call begins with a name and a parenthesis. */
const OPENING = /^\s*(?:\]|[\p{L}_][\p{L}\p{N}_.-]*\s*\()/u;
const MAYBE_OPENING = /^\s*(?:[\p{L}_][\p{L}\p{N}_.-]*\s*)?$/u;

class PythonReader extends CallListReader {
  private scanner = new PythonItemScanner();

  protected opensList(rest: string): boolean | undefined {
    if (OPENING.test(rest)) return true;
    return MAYBE_OPENING.test(rest) ? undefined : false;
  }

  protected readItem(): boolean {
    const length = this.scanner.scan(this.waiting);
    if (length === undefined) {
      checkLength(this.waiting, this.offset);
      return false;
    }
    const at = this.offset;
    const parsed = parseCallText(this.consume(length));
    if (!parsed.ok) throw new CallFailure('syntax', parsed.error.message, at + parsed.error.position);
    this.emitCall(parsed.call);
    this.scanner = new PythonItemScanner();
    return true;
  }
}

/** Finds the comma or bracket behind an item of a list; those inside brackets and strings do not count. */
class PythonItemScanner {
  private position = 0;
  private depth = 0;
  /** The quote that closes the string that is open. */
  private quote = '';

  scan(text: string): number | undefined {
    while (this.position < text.length) {
      const unit = text[this.position]!;
      if (this.quote !== '') {
        if (!this.passString(text, unit)) return undefined;
      } else if (unit === "'" || unit === '"') {
        // Up to three quotes decide what closes the string: an empty string, or one of three quotes.
        const run = /^(?:'{1,3}|"{1,3})/.exec(text.slice(this.position, this.position + 3))![0];
        if (run.length < 3 && this.position + run.length === text.length) return undefined;
        if (run.length !== 2) this.quote = run;
        this.position += run.length;
      } else {
        if (this.depth === 0 && (unit === ',' || unit === ']')) return this.position;
        if ('([{'.includes(unit)) this.depth += 1;
        else if (')]}'.includes(unit)) this.depth -= 1;
        this.position += 1;
        // A bracket too many: the parser says so.
        if (this.depth < 0) return this.position;
      }
    }
    return undefined;
  }

  /** One step inside a string; false while more text is needed. */
  private passString(text: string, unit: string): boolean {
    if (unit === '\\') {
      if (this.position + 1 === text.length) return false;
      this.position += 2;
    } else if (text.startsWith(this.quote, this.position)) {
      this.position += this.quote.length;
      this.quote = '';
    } else if (this.quote.startsWith(text.slice(this.position))) {
      return false;
    } else this.position += 1;
    return true;
  }
}
