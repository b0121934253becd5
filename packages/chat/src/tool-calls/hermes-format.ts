import type { ToolCall } from '@parl-mt/schema';
import { CallFailure, CallReader, quote } from './call-reader.js';
import { callOf, checkLength, JsonObjectScanner, readObject, renderJsonCall } from './json-call.js';
import type { ToolCallFormat } from './tool-call-format.js';

const OPENING = '<tool_call>';
const CLOSING = '</tool_call>';

/**
 * Qwen 2.5, Qwen 3 and Hermes: content, then `<tool_call>\n{"name": …, "arguments": …}\n</tool_call>` for each call. White space
 * around calls is no content.
 */
export const hermesFormat: ToolCallFormat = {
  name: 'hermes',
  render: (calls, content = '') =>
    [
      ...(content === '' ? [] : [content]),
      ...calls.map((call) => `${OPENING}\n${renderJsonCall(call, 'arguments')}\n${CLOSING}`),
    ].join('\n'),
  stream: () => new HermesReader(),
};

class HermesReader extends CallReader {
  private state: 'content' | 'object' | 'closing' = 'content';
  private scanner = new JsonObjectScanner();
  /** White space of content that counts only when more content follows. */
  private space = '';
  private hasCalls = false;
  private hasContent = false;
  private isBehindCall = false;
  private pending: ToolCall | undefined;

  protected advance(): boolean {
    switch (this.state) {
      case 'content':
        return this.readContent();
      case 'object':
        return this.readObject();
      case 'closing':
        return this.readClosing();
    }
  }

  private readContent(): boolean {
    const at = this.waiting.indexOf(OPENING);
    if (at >= 0) {
      this.say(this.consume(at));
      this.space = '';
      this.consume(OPENING.length);
      this.hasCalls = true;
      this.state = 'object';
      return true;
    }
    // The beginning of a tag may wait at the end.
    let held = 0;
    if (!this.isEnded) {
      for (let length = Math.min(OPENING.length - 1, this.waiting.length); length > 0; length--) {
        if (OPENING.startsWith(this.waiting.slice(-length))) {
          held = length;
          break;
        }
      }
    }
    this.say(this.consume(this.waiting.length - held));
    if (this.isEnded && !this.hasCalls) {
      this.emitContent(this.space);
      this.space = '';
    }
    return false;
  }

  /** White space around calls is left out; between content before and behind calls a new line stands for it. */
  private say(text: string): void {
    const body = text.trimEnd();
    if (body === '') {
      this.space += text;
      return;
    }
    const whole = this.space + body;
    const isFirstBehind = this.isBehindCall;
    this.emitContent(isFirstBehind ? (this.hasContent ? '\n' : '') + whole.trimStart() : whole);
    this.isBehindCall = false;
    this.hasContent = true;
    this.space = text.slice(body.length);
  }

  private readObject(): boolean {
    this.consume(this.waiting.length - this.waiting.trimStart().length);
    if (this.waiting === '') return this.needMore('a JSON object');
    if (this.waiting[0] !== '{') {
      if (!this.isQuotable) return false;
      throw new CallFailure(
        'syntax',
        `expected a JSON object behind ${OPENING}, received ${quote(this.waiting)}`,
        this.offset,
      );
    }
    const length = this.scanner.scan(this.waiting);
    if (length === undefined) {
      checkLength(this.waiting, this.offset);
      return this.needMore('the end of the JSON object');
    }
    const at = this.offset;
    this.pending = callOf(readObject(this.consume(length), at), ['arguments', 'parameters'], at);
    this.scanner = new JsonObjectScanner();
    this.state = 'closing';
    return true;
  }

  private readClosing(): boolean {
    this.consume(this.waiting.length - this.waiting.trimStart().length);
    if (this.waiting.length < CLOSING.length && CLOSING.startsWith(this.waiting)) return this.needMore(CLOSING);
    if (!this.waiting.startsWith(CLOSING)) {
      if (!this.isQuotable) return false;
      throw new CallFailure('syntax', `expected ${CLOSING}, received ${quote(this.waiting)}`, this.offset);
    }
    this.consume(CLOSING.length);
    this.emitCall(this.pending!);
    this.isBehindCall = true;
    this.state = 'content';
    return true;
  }

  private needMore(what: string): false {
    if (this.isEnded)
      throw new CallFailure('incomplete', `expected ${what}, the text ends`, this.offset + this.waiting.length);
    return false;
  }
}
