import { UsageError } from '@parl-mt/schema';
import { CallFailure, CallReader, quote } from './call-reader.js';
import { callOf, checkLength, JsonObjectScanner, readObject, renderJsonCall } from './json-call.js';
import type { ToolCallFormat } from './tool-call-format.js';

const PYTHON_TAG = '<|python_tag|>';

/**
 * Llama 3.1 to 3.3, JSON: the whole message is `{"name": …, "parameters": …}`, possibly behind `<|python_tag|>`; several
 * calls are set apart by `; `. A message that begins in any other way is content, and so is an object without `name`.
 */
export const llamaFormat: ToolCallFormat = {
  name: 'llama3-json',
  render(calls, content = '') {
    if (calls.length > 0 && content !== '') {
      throw new UsageError('expected calls or content in the format llama3-json, received both');
    }
    return calls.length === 0 ? content : calls.map((call) => renderJsonCall(call, 'parameters')).join('; ');
  },
  stream: () => new LlamaReader(),
};

class LlamaReader extends CallReader {
  private state: 'start' | 'content' | 'object' | 'between' = 'start';
  private scanner = new JsonObjectScanner();
  private lead = '';
  private hasTag = false;
  private count = 0;

  protected advance(): boolean {
    switch (this.state) {
      case 'start':
        return this.readStart();
      case 'content':
        this.emitContent(this.consume(this.waiting.length));
        return false;
      case 'object':
        return this.readObject();
      case 'between':
        return this.readBetween();
    }
  }

  private readStart(): boolean {
    this.lead += this.consume(this.waiting.length - this.waiting.trimStart().length);
    const isTagPossible = !this.hasTag && PYTHON_TAG.startsWith(this.waiting.slice(0, PYTHON_TAG.length));
    if (!this.isEnded && isTagPossible && this.waiting.length < PYTHON_TAG.length) return false;
    if (!this.hasTag && this.waiting.startsWith(PYTHON_TAG)) {
      this.lead += this.consume(PYTHON_TAG.length);
      this.hasTag = true;
      return true;
    }
    if (this.waiting === '' && !this.isEnded) return false;
    if (this.waiting[0] === '{') {
      this.state = 'object';
      return true;
    }
    if (this.hasTag) {
      if (!this.isQuotable) return false;
      throw new CallFailure(
        'syntax',
        `expected a JSON object behind ${PYTHON_TAG}, received ${quote(this.waiting)}`,
        this.offset,
      );
    }
    this.emitContent(this.lead);
    this.state = 'content';
    return true;
  }

  private readObject(): boolean {
    // Not before the first: its white space may be content.
    if (this.count > 0) this.consume(this.waiting.length - this.waiting.trimStart().length);
    if (this.waiting === '' || this.waiting[0] !== '{') {
      const isMissing = this.waiting === '';
      if (isMissing ? !this.isEnded : !this.isQuotable) return false;
      const kind = isMissing ? 'incomplete' : 'syntax';
      throw new CallFailure(kind, `expected a JSON object, received ${quote(this.waiting)}`, this.offset);
    }
    const length = this.scanner.scan(this.waiting);
    if (length === undefined) {
      checkLength(this.waiting, this.offset);
      if (!this.isEnded) return false;
      throw new CallFailure(
        'incomplete',
        'expected the end of the JSON object, the text ends',
        this.offset + this.waiting.length,
      );
    }
    const at = this.offset;
    const source = this.waiting.slice(0, length);
    const entries = readObject(source, at);
    if (this.count === 0 && !this.hasTag && !entries.has('name')) {
      // An answer that happens to be JSON.
      this.emitContent(this.lead + this.consume(length));
      this.state = 'content';
      return true;
    }
    this.consume(length);
    this.emitCall(callOf(entries, ['parameters', 'arguments'], at));
    this.count += 1;
    this.scanner = new JsonObjectScanner();
    this.state = 'between';
    return true;
  }

  private readBetween(): boolean {
    this.consume(this.waiting.length - this.waiting.trimStart().length);
    if (this.waiting === '') return false;
    if (this.waiting[0] !== ';') {
      if (!this.isQuotable) return false;
      throw new CallFailure(
        'trailing',
        `expected ";" or the end behind a call, received ${quote(this.waiting)}`,
        this.offset,
      );
    }
    this.consume(1);
    this.state = 'object';
    return true;
  }
}
