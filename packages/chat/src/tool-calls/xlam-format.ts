import { UsageError } from '@parl-mt/schema';
import { CallFailure, quote } from './call-reader.js';
import { callOf, checkLength, JsonObjectScanner, readObject, renderJsonCall } from './json-call.js';
import { CallListReader } from './list-reader.js';
import type { ToolCallFormat } from './tool-call-format.js';

/** xLAM: the whole message is `[{"name": …, "arguments": …}, …]`; any other message is content. An empty list says nothing. */
export const xlamFormat: ToolCallFormat = {
  name: 'xlam',
  render(calls, content = '') {
    if (calls.length > 0 && content !== '') {
      throw new UsageError('expected calls or content in the format xlam, received both');
    }
    return calls.length === 0 ? content : `[${calls.map((call) => renderJsonCall(call, 'arguments')).join(', ')}]`;
  },
  stream: () => new XlamReader(),
};

class XlamReader extends CallListReader {
  private scanner = new JsonObjectScanner();

  protected opensList(rest: string): boolean | undefined {
    const first = rest.trimStart()[0];
    return first === undefined ? undefined : first === '{' || first === ']';
  }

  protected readItem(): boolean {
    if (this.waiting[0] !== '{') {
      if (!this.isQuotable) return false;
      throw new CallFailure('syntax', `expected a JSON object, received ${quote(this.waiting)}`, this.offset);
    }
    const length = this.scanner.scan(this.waiting);
    if (length === undefined) {
      checkLength(this.waiting, this.offset);
      return false;
    }
    const at = this.offset;
    this.emitCall(callOf(readObject(this.consume(length), at), ['arguments', 'parameters'], at));
    this.scanner = new JsonObjectScanner();
    return true;
  }
}
