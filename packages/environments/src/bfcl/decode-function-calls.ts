import { JsonSyntaxError, readJson } from './python/json-reader.js';
import { pyRepr } from './python/render.js';
import { PyDict, PythonError, type PyValue, typeName } from './python/value.js';

/** Calls read out of a model's output, as Python call texts, or why none could be read. */
export type DecodeResult =
  | { readonly ok: true; readonly calls: readonly string[] }
  | {
      readonly ok: false;
      /** Name of the exception that the official decoder raises. */
      readonly failure: string;
      readonly message: string;
    };

/** Whether the turn ends here: nothing decoded, or nothing to execute. */
export function endsTurn(result: DecodeResult): boolean {
  if (!result.ok) return true;
  return result.calls.length === 0 || (result.calls.length === 1 && result.calls[0] === '');
}

/** A call as chat APIs give it: arguments as JSON text, or already parsed by a lenient client. */
export interface FunctionCall {
  readonly name: string;
  readonly arguments: string | PyValue;
}

/**
 * FC-mode decoding: each call becomes `name(k1=repr(v1),k2=repr(v2))`.
 *
 * @param calls - the model's tool calls; null or text where it made none.
 */
export function decodeFunctionCalls(calls: readonly FunctionCall[] | string | null): DecodeResult {
  if (calls === null) return failed('TypeError', "'NoneType' object is not iterable");
  if (typeof calls === 'string') {
    return calls === '' ? { ok: true, calls: [] } : failed('AttributeError', "'str' object has no attribute 'items'");
  }
  const texts: string[] = [];
  for (const call of calls) {
    try {
      const args = typeof call.arguments === 'string' ? readJson(call.arguments) : call.arguments;
      if (!(args instanceof PyDict)) {
        return failed('AttributeError', `'${typeName(args)}' object has no attribute 'items'`);
      }
      const rendered = Array.from(args.entries(), ([key, value]) => `${key as string}=${pyRepr(value)}`);
      texts.push(`${call.name}(${rendered.join(',')})`);
    } catch (error) {
      if (error instanceof JsonSyntaxError) return failed('JSONDecodeError', error.message);
      if (error instanceof PythonError) return failed(error.type, error.message);
      throw error;
    }
  }
  return { ok: true, calls: texts };
}

export function failed(failure: string, message: string): DecodeResult {
  return { ok: false, failure, message };
}
