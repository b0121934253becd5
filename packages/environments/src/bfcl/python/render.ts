import {
  isNumeric,
  PyDict,
  PyObject,
  PySet,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './value.js';

/** CPython refuses to print longer ints (sys.set_int_max_str_digits). */
const MAX_INT_DIGITS = 4300;
const TOO_MANY_DIGITS = 10n ** 4300n;
/** Results longer than this end as MemoryError: aliased values can double in length with every call. */
const MAX_TEXT_LENGTH = 10_000_000;
const MAX_DEPTH = 900;

/** Python `str(value)`. */
export function pyStr(value: PyValue): string {
  return typeof value === 'string' ? value : pyRepr(value);
}

/**
 * Python `repr(value)`.
 *
 * @throws {PythonError} ValueError for ints over 4300 digits; RecursionError and MemoryError for values that nest or
 *   grow without end.
 */
export function pyRepr(value: PyValue): string {
  return new ReprWriter().write(value);
}

/** Python `ascii(value)`: repr with everything beyond ASCII escaped. */
export function pyAscii(value: PyValue): string {
  return pyRepr(value).replace(/[^\0-\x7f]/gu, escapeCharacter);
}

class ReprWriter {
  #length = 0;
  readonly #open = new Set<PyValue>();

  write(value: PyValue): string {
    const text = this.#render(value);
    this.#length += text.length;
    if (this.#length > MAX_TEXT_LENGTH) throw new PythonError('MemoryError', '');
    return text;
  }

  #render(value: PyValue): string {
    switch (typeof value) {
      case 'string':
        return reprString(value);
      case 'bigint':
        return intText(value);
      case 'number':
        return floatText(value);
      case 'boolean':
        return value ? 'True' : 'False';
      default:
    }
    if (value === null) return 'None';
    if (value instanceof PyObject) return value.repr();
    if (this.#open.has(value)) return cycleText(value);
    if (this.#open.size > MAX_DEPTH) {
      throw new PythonError('RecursionError', 'maximum recursion depth exceeded while getting the repr of an object');
    }
    this.#open.add(value);
    const text = this.#renderContainer(value);
    this.#open.delete(value);
    return text;
  }

  #renderContainer(value: PyValue[] | PyTuple | PyDict | PySet): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.write(item)).join(', ')}]`;
    if (value instanceof PyTuple) {
      const items = value.items.map((item) => this.write(item));
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    if (value instanceof PySet) {
      return value.size === 0
        ? 'set()'
        : `{${value
            .sorted()
            .map((item) => this.write(item))
            .join(', ')}}`;
    }
    const parts: string[] = [];
    for (const [key, item] of value.entries()) parts.push(`${this.write(key)}: ${this.write(item)}`);
    return `{${parts.join(', ')}}`;
  }
}

function cycleText(value: PyValue): string {
  if (Array.isArray(value)) return '[...]';
  return value instanceof PyTuple ? '(...)' : '{...}';
}

/** @throws {PythonError} ValueError for more than 4300 digits. */
export function intText(value: bigint): string {
  if (value >= TOO_MANY_DIGITS || value <= -TOO_MANY_DIGITS) throw tooManyDigits();
  return value.toString();
}

/** What printing an int of more than 4300 digits raises. */
export function tooManyDigits(): PythonError {
  return new PythonError(
    'ValueError',
    `Exceeds the limit (${MAX_INT_DIGITS} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit`,
  );
}

/** Python's `repr(float)`: shortest digits that read back, `.0` on integers, two-digit exponents outside 1e-4 … 1e16. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  // JavaScript writes the same digits without an exponent for 1e-6 <= |value| < 1e21.
  const plain = String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

// Categories C*, Zl, Zp and Zs except the space, plus the backslash: all that repr does not show as it is.
const NEEDS_ESCAPE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}\\]/u;
const ESCAPED = /[\p{C}\p{Zl}\p{Zp}\\]|(?! )\p{Zs}/gu;

function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = NEEDS_ESCAPE.test(text) ? text.replace(ESCAPED, escapeCharacter) : text;
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

function escapeCharacter(character: string): string {
  if (character === '\\') return '\\\\';
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.codePointAt(0) as number;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/**
 * Python `json.dumps(value)` with its defaults: ASCII only, `, ` and `: `.
 *
 * @throws {PythonError} TypeError for what JSON cannot hold, ValueError for cycles and ints over 4300 digits.
 */
export function pyJson(value: PyValue): string {
  return new JsonWriter().write(value);
}

class JsonWriter {
  #length = 0;
  readonly #open = new Set<PyValue>();

  write(value: PyValue): string {
    const text = this.#render(value);
    this.#length += text.length;
    if (this.#length > MAX_TEXT_LENGTH) throw new PythonError('MemoryError', '');
    return text;
  }

  #render(value: PyValue): string {
    if (typeof value === 'string') return jsonString(value);
    if (value === null) return 'null';
    if (isNumeric(value)) return jsonNumber(value);
    if (value instanceof PyObject || value instanceof PySet) {
      throw typeError(`Object of type ${typeName(value)} is not JSON serializable`);
    }
    if (this.#open.has(value)) throw new PythonError('ValueError', 'Circular reference detected');
    if (this.#open.size > MAX_DEPTH) {
      throw new PythonError('RecursionError', 'maximum recursion depth exceeded while encoding a JSON object');
    }
    this.#open.add(value);
    const text =
      value instanceof PyDict ? this.#renderDict(value) : this.#renderItems(Array.isArray(value) ? value : value.items);
    this.#open.delete(value);
    return text;
  }

  #renderItems(items: readonly PyValue[]): string {
    return `[${items.map((item) => this.write(item)).join(', ')}]`;
  }

  #renderDict(dict: PyDict): string {
    const parts: string[] = [];
    for (const [key, item] of dict.entries()) parts.push(`${jsonKey(key)}: ${this.write(item)}`);
    return `{${parts.join(', ')}}`;
  }
}

/** Python `json.dumps(value, indent=…)`; the same errors as {@link pyJson}. */
export function pyJsonIndented(value: PyValue, indent: number): string {
  pyJson(value);
  const write = (item: PyValue, level: number): string => {
    const inner = `\n${' '.repeat(indent * (level + 1))}`;
    const outer = `\n${' '.repeat(indent * level)}`;
    if (item instanceof PyDict && item.size > 0) {
      const members = Array.from(item.entries(), ([key, member]) => `${jsonKey(key)}: ${write(member, level + 1)}`);
      return `{${inner}${members.join(`,${inner}`)}${outer}}`;
    }
    const items = item instanceof PyTuple ? item.items : item;
    if (!Array.isArray(items) || items.length === 0) return pyJson(item);
    return `[${inner}${items.map((member) => write(member, level + 1)).join(`,${inner}`)}${outer}]`;
  };
  return write(value, 0);
}

function jsonKey(key: PyValue): string {
  if (typeof key === 'string') return jsonString(key);
  if (key === null) return '"null"';
  if (isNumeric(key)) return `"${jsonNumber(key)}"`;
  throw typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function jsonNumber(value: boolean | bigint | number): string {
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'bigint') return intText(value);
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatText(value);
}

/** A JSON string in ASCII: every UTF-16 unit outside space … tilde escaped, U+007F included. */
export function jsonString(text: string): string {
  return `"${text.replace(/[^ !#-[\]-~]/g, escapeJsonUnit)}"`;
}

const SHORT_JSON_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\f', '\\f'],
  ['\b', '\\b'],
]);

function escapeJsonUnit(unit: string): string {
  return SHORT_JSON_ESCAPES.get(unit) ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
