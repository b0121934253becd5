import { Arguments } from './arguments.js';
import { JinjaFailure } from './jinja-error.js';
import { isTrue, iterableItems, iterate, lengthOf, order } from './operations.js';
import { formatPercent } from './percent-format.js';
import { parseFloatText, parseInteger, roundFloat } from './python-number.js';
import { stripSpace } from './python-space.js';
import { toJson, toText } from './python-text.js';
import { capitalize, linesOf, type MethodRuntime, pad, replaceText, stripCharacters } from './string-methods.js';
import { Dict, isNumber, type KeywordArguments, Once, Tuple, typeName, Undefined, type Value } from './value.js';

export interface FilterRuntime extends MethodRuntime {
  /** `object[key]`, or the attribute of that name, or an Undefined. */
  readonly itemOrAttribute: (object: Value, key: Value) => Value;
  readonly attributeOf: (object: Value, name: string) => Value;
  readonly applyFilter: (name: string, operand: Value, args: readonly Value[], kwargs: KeywordArguments) => Value;
  readonly applyTest: (name: string, operand: Value, args: readonly Value[], kwargs: KeywordArguments) => boolean;
}

type Filter = (value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime) => Value;

/** Jinja's filters, with `tojson` as transformers defines it: plain `json.dumps`. No autoescaping, so `safe` changes nothing. */
export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['abs', abs],
  ['attr', (value, args, kwargs, runtime) => runtime.attributeOf(value, bindText('attr', 'name', args, kwargs))],
  ['batch', batch],
  ['capitalize', textFilter('capitalize', capitalize)],
  ['center', center],
  ['count', (value) => BigInt(lengthOf(value))],
  ['d', fallback],
  ['default', fallback],
  ['dictsort', dictSort],
  ['e', textFilter('escape', escapeHtml)],
  ['escape', textFilter('escape', escapeHtml)],
  ['first', first],
  ['float', toFloat],
  ['forceescape', textFilter('forceescape', escapeHtml)],
  ['format', format],
  ['groupby', groupBy],
  ['indent', indent],
  ['int', toInt],
  ['items', items],
  ['join', join],
  ['last', last],
  ['length', (value) => BigInt(lengthOf(value))],
  ['list', (value, _args, _kwargs, runtime) => [...iterate(value, runtime)]],
  ['lower', textFilter('lower', (text) => text.toLowerCase())],
  ['map', map],
  ['max', (value, args, kwargs, runtime) => extreme('max', 1, value, args, kwargs, runtime)],
  ['min', (value, args, kwargs, runtime) => extreme('min', -1, value, args, kwargs, runtime)],
  ['reject', (value, args, kwargs, runtime) => select(false, false, value, args, kwargs, runtime)],
  ['rejectattr', (value, args, kwargs, runtime) => select(false, true, value, args, kwargs, runtime)],
  ['replace', replace],
  ['reverse', reverse],
  ['round', round],
  ['safe', textFilter('safe', (text) => text)],
  ['select', (value, args, kwargs, runtime) => select(true, false, value, args, kwargs, runtime)],
  ['selectattr', (value, args, kwargs, runtime) => select(true, true, value, args, kwargs, runtime)],
  ['slice', sliceInto],
  ['sort', sort],
  ['string', textFilter('string', (text) => text)],
  ['striptags', textFilter('striptags', stripTags)],
  ['sum', sum],
  ['title', textFilter('title', title)],
  ['tojson', json],
  ['trim', trim],
  ['truncate', truncate],
  ['unique', unique],
  ['upper', textFilter('upper', (text) => text.toUpperCase())],
  ['urlencode', urlEncode],
  [
    'wordcount',
    (value, _args, _kwargs, { work }) => BigInt(toText(value, work).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  ],
]);

/** Filters of Jinja that chat templates have no use for. */
export const UNSUPPORTED_FILTERS: ReadonlySet<string> = new Set([
  'filesizeformat',
  'pprint',
  'random',
  'urlize',
  'wordwrap',
  'xmlattr',
]);

function textFilter(name: string, change: (text: string) => string): Filter {
  return (value, args, kwargs, { work }) => {
    new Arguments(name, [], args, kwargs);
    const text = toText(value, work);
    work.text(text.length);
    const changed = change(text);
    work.text(changed.length);
    return changed;
  };
}

function bindText(name: string, parameter: string, args: readonly Value[], kwargs: KeywordArguments): string {
  return new Arguments(name, [parameter], args, kwargs).requiredText(parameter);
}

function abs(value: Value): Value {
  if (!isNumber(value)) throw mismatch('abs', 'a number', value);
  if (typeof value === 'number') return Math.abs(value);
  const integer = BigInt(value);
  return integer < 0n ? -integer : integer;
}

function mismatch(filter: string, expected: string, value: Value): JinjaFailure {
  if (value instanceof Undefined) return value.failure();
  return new JinjaFailure('type', `expected ${expected} for ${filter}, received ${typeName(value)}`);
}

function batch(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('batch', ['linecount', 'fill_with'], args, kwargs);
  bound.required('linecount');
  const size = bound.integer('linecount', 1);
  if (size < 1) throw new JinjaFailure('value', `expected a linecount of at least 1 for batch, received ${size}`);
  const filler = bound.get('fill_with') ?? null;
  const all = iterate(value, runtime);
  const rows: Value[] = [];
  for (let i = 0; i < all.length; i += size) {
    const row = all.slice(i, i + size);
    if (filler !== null && row.length < size) {
      runtime.work.spend(size);
      row.push(...Array<Value>(size - row.length).fill(filler));
    }
    rows.push(row);
  }
  return new Once(rows);
}

function sliceInto(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('slice', ['slices', 'fill_with'], args, kwargs);
  bound.required('slices');
  const slices = bound.integer('slices', 1);
  if (slices < 1) throw new JinjaFailure('value', `expected at least 1 slice, received ${slices}`);
  runtime.work.spend(slices);
  const filler = bound.get('fill_with') ?? null;
  const all = iterate(value, runtime);
  const [size, extra] = [Math.floor(all.length / slices), all.length % slices];
  let start = 0;
  const columns = Array.from({ length: slices }, (_, i) => {
    const end = start + size + (i < extra ? 1 : 0);
    const column = all.slice(start, end);
    start = end;
    if (filler !== null && i >= extra) column.push(filler);
    return column;
  });
  return new Once(columns);
}

function center(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const width = new Arguments('center', ['width'], args, kwargs).integer('width', 80);
  return pad(toText(value, runtime.work), width, 'center', ' ', runtime);
}

function fallback(value: Value, args: readonly Value[], kwargs: KeywordArguments): Value {
  const bound = new Arguments('default', ['default_value', 'boolean'], args, kwargs);
  const isMissing = value instanceof Undefined || (isTrue(bound.get('boolean') ?? false) && !isTrue(value));
  if (!isMissing) return value;
  const instead = bound.get('default_value');
  return instead === undefined ? '' : instead;
}

function dictSort(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('dictsort', ['case_sensitive', 'by', 'reverse'], args, kwargs);
  const by = bound.text('by') ?? 'key';
  if (by !== 'key' && by !== 'value') throw new JinjaFailure('value', 'expected to sort by key or value');
  if (!(value instanceof Dict)) throw mismatch('dictsort', 'a dict', value);
  const normalize = isTrue(bound.get('case_sensitive') ?? false) ? same : ignoreCase;
  const pairs = Array.from(value.entries(), (pair) => ({ pair, key: normalize(pair[by === 'key' ? 0 : 1]) }));
  return sorted(pairs, isTrue(bound.get('reverse') ?? false), runtime).map(({ pair }) => new Tuple(pair));
}

function same(value: Value): Value {
  return value;
}

function ignoreCase(value: Value): Value {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

/** Stable; reversed as Python does it, so that equal items keep their order. */
function sorted<T extends { readonly key: Value }>(
  entries: readonly T[],
  isReversed: boolean,
  runtime: FilterRuntime,
): T[] {
  runtime.work.spend(entries.length);
  return [...entries].sort((a, b) => {
    const result = order(a.key, b.key, runtime);
    return isReversed ? -result : result;
  });
}

function first(value: Value, _args: readonly Value[], _kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const item = value instanceof Once ? value.takeFirst() : iterate(value, runtime)[0];
  return item === undefined ? new Undefined('expected a first item, the sequence is empty') : item;
}

function last(value: Value, _args: readonly Value[], _kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  if (value instanceof Once) throw mismatch('last', 'a sequence', value);
  const item = iterate(value, runtime).at(-1);
  return item === undefined ? new Undefined('expected a last item, the sequence is empty') : item;
}

function toInt(value: Value, args: readonly Value[], kwargs: KeywordArguments): Value {
  const bound = new Arguments('int', ['default', 'base'], args, kwargs);
  const given = bound.get('default');
  const ifNone = given === undefined ? 0n : given;
  if (typeof value === 'bigint' || typeof value === 'boolean') return BigInt(value);
  if (typeof value === 'number') return Number.isFinite(value) ? BigInt(Math.trunc(value)) : ifNone;
  if (typeof value !== 'string') return ifNone;
  const text = stripSpace(value);
  const base = bound.integer('base', 10);
  const integer = parseInteger(text, base);
  if (integer !== undefined) return integer;
  const float = parseFloatText(text);
  return float !== undefined && Number.isFinite(float) ? BigInt(Math.trunc(float)) : ifNone;
}

function toFloat(value: Value, args: readonly Value[], kwargs: KeywordArguments): Value {
  const ifNone = new Arguments('float', ['default'], args, kwargs).get('default') ?? 0;
  if (isNumber(value)) return Number(value);
  return (typeof value === 'string' ? parseFloatText(stripSpace(value)) : undefined) ?? ifNone;
}

function format(value: Value, args: readonly Value[], kwargs: KeywordArguments, { work }: FilterRuntime): Value {
  if (args.length > 0 && kwargs.size > 0) {
    throw new JinjaFailure('type', 'expected positional or keyword arguments of format, received both');
  }
  return formatPercent(toText(value, work), kwargs.size > 0 ? new Dict(kwargs) : new Tuple(args), work);
}

type Getter = (item: Value) => Value;

/** The attribute at a path such as `function.name` or `0.id`. */
function attributeGetter(path: Value | undefined, { itemOrAttribute }: FilterRuntime, ifUndefined?: Value): Getter {
  if (path === undefined || path === null) return same;
  const parts: Value[] =
    typeof path === 'string' ? path.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part)) : [path];
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = itemOrAttribute(value, part);
      if (ifUndefined !== undefined && ifUndefined !== null && value instanceof Undefined) value = ifUndefined;
    }
    return value;
  };
}

function groupBy(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('groupby', ['attribute', 'default', 'case_sensitive'], args, kwargs);
  const get = attributeGetter(bound.required('attribute'), runtime, bound.get('default'));
  const normalize = isTrue(bound.get('case_sensitive') ?? false) ? same : ignoreCase;
  const entries = sorted(
    iterate(value, runtime).map((item) => ({ item, key: normalize(get(item)) })),
    false,
    runtime,
  );
  const groups: { readonly key: Value; readonly name: Value; readonly items: Value[] }[] = [];
  for (const { item, key } of entries) {
    const open = groups.at(-1);
    if (open && order(open.key, key, runtime) === 0) open.items.push(item);
    else groups.push({ key, name: get(item), items: [item] });
  }
  return groups.map((group) => new Group([group.name, group.items]));
}

/** A pair that also answers to `grouper` and `list`. */
export class Group extends Tuple {}

function indent(value: Value, args: readonly Value[], kwargs: KeywordArguments, { work }: FilterRuntime): Value {
  const bound = new Arguments('indent', ['width', 'first', 'blank'], args, kwargs);
  const width = bound.get('width');
  if (typeof width !== 'string') work.text(bound.integer('width', 4));
  const indention = typeof width === 'string' ? width : ' '.repeat(Math.max(0, bound.integer('width', 4)));
  const text = `${toText(value, work)}\n`;
  const lines = linesOf(text);
  work.text(text.length + indention.length * lines.length);
  const isBlankToo = isTrue(bound.get('blank') ?? false);
  const [head = '', ...rest] = lines;
  const indented = [head, ...rest.map((line) => (isBlankToo || line !== '' ? indention + line : line))].join('\n');
  return isTrue(bound.get('first') ?? false) ? indention + indented : indented;
}

function items(value: Value): Value {
  if (value instanceof Undefined) return new Once([]);
  if (!(value instanceof Dict)) throw mismatch('items', 'a dict', value);
  return new Once(Array.from(value.entries(), (pair) => new Tuple(pair)));
}

function join(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('join', ['d', 'attribute'], args, kwargs);
  const separator = toText(bound.get('d') === undefined ? '' : bound.get('d')!, runtime.work);
  const get = attributeGetter(bound.get('attribute'), runtime);
  const texts = iterate(value, runtime).map((item) => toText(get(item), runtime.work));
  runtime.work.text(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
  return texts.join(separator);
}

function map(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const all = iterate(value, runtime);
  const [filter, ...rest] = args;
  if (filter === undefined) {
    const bound = new Arguments('map', ['attribute', 'default'], [], kwargs);
    const get = attributeGetter(bound.required('attribute'), runtime, bound.get('default'));
    return new Once(all.map(get));
  }
  if (typeof filter !== 'string') throw mismatch('map', 'the name of a filter', filter);
  return new Once(all.map((item) => runtime.applyFilter(filter, item, rest, kwargs)));
}

function select(
  isWanted: boolean,
  byAttribute: boolean,
  value: Value,
  args: readonly Value[],
  kwargs: KeywordArguments,
  runtime: FilterRuntime,
): Value {
  const attribute = byAttribute ? args[0] : undefined;
  const others = byAttribute ? args.slice(1) : args;
  if (byAttribute && attribute === undefined) throw new JinjaFailure('type', 'expected the name of an attribute');
  const get = attributeGetter(attribute, runtime);
  const [test, ...rest] = others;
  if (test !== undefined && typeof test !== 'string') throw mismatch('select', 'the name of a test', test);
  const holds = (item: Value): boolean =>
    test === undefined ? isTrue(get(item)) : runtime.applyTest(test, get(item), rest, kwargs);
  return new Once(iterate(value, runtime).filter((item) => holds(item) === isWanted));
}

function extreme(
  name: 'min' | 'max',
  sign: 1 | -1,
  value: Value,
  args: readonly Value[],
  kwargs: KeywordArguments,
  runtime: FilterRuntime,
): Value {
  const bound = new Arguments(name, ['case_sensitive', 'attribute'], args, kwargs);
  const get = attributeGetter(bound.get('attribute'), runtime);
  const normalize = isTrue(bound.get('case_sensitive') ?? false) ? same : ignoreCase;
  let best: { readonly item: Value; readonly key: Value } | undefined;
  for (const item of iterate(value, runtime)) {
    const key = normalize(get(item));
    if (best === undefined || order(key, best.key, runtime) * sign > 0) best = { item, key };
  }
  return best === undefined ? new Undefined(`expected an item for ${name}, the sequence is empty`) : best.item;
}

function replace(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('replace', ['old', 'new', 'count'], args, kwargs);
  const limit = bound.get('count') === null ? -1 : bound.integer('count', -1);
  const [old, by] = [toText(bound.required('old'), runtime.work), toText(bound.required('new'), runtime.work)];
  return replaceText(toText(value, runtime.work), old, by, limit, runtime);
}

function reverse(value: Value, _args: readonly Value[], _kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const reversed = [...iterate(value, runtime)].reverse();
  return typeof value === 'string' ? reversed.join('') : new Once(reversed);
}

function round(value: Value, args: readonly Value[], kwargs: KeywordArguments): Value {
  const bound = new Arguments('round', ['precision', 'method'], args, kwargs);
  const precision = bound.integer('precision', 0);
  const method = bound.text('method') ?? 'common';
  if (!isNumber(value)) throw mismatch('round', 'a number', value);
  if (method === 'common') {
    if (typeof value === 'number') return roundFloat(value, precision);
    return precision >= 0 ? BigInt(value) : BigInt(Math.trunc(roundFloat(Number(value), precision)));
  }
  if (method !== 'ceil' && method !== 'floor') {
    throw new JinjaFailure('value', `expected common, ceil or floor as method of round, received ${method}`);
  }
  const scale = 10 ** precision;
  return (method === 'ceil' ? Math.ceil(Number(value) * scale) : Math.floor(Number(value) * scale)) / scale;
}

function sort(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('sort', ['reverse', 'case_sensitive', 'attribute'], args, kwargs);
  const normalize = isTrue(bound.get('case_sensitive') ?? false) ? same : ignoreCase;
  const attribute = bound.get('attribute');
  const getters = (typeof attribute === 'string' ? attribute.split(',') : [attribute]).map((path) =>
    attributeGetter(path, runtime),
  );
  const entries = iterate(value, runtime).map((item) => {
    const keys = getters.map((get) => normalize(get(item)));
    return { item, key: keys.length === 1 ? keys[0]! : (keys as readonly Value[]) };
  });
  return sorted(entries, isTrue(bound.get('reverse') ?? false), runtime).map(({ item }) => item);
}

function stripTags(text: string): string {
  let result = text;
  for (const [opening, closing] of [
    ['<!--', '-->'],
    ['<', '>'],
  ] as const) {
    let kept = '';
    let start = 0;
    for (let i = result.indexOf(opening); i >= 0; i = result.indexOf(opening, start)) {
      const end = result.indexOf(closing, i);
      if (end < 0) break;
      kept += result.slice(start, i);
      start = end + closing.length;
    }
    result = kept + result.slice(start);
  }
  return result.split(/\s+/).filter(Boolean).join(' ');
}

function sum(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('sum', ['attribute', 'start'], args, kwargs);
  const get = attributeGetter(bound.get('attribute'), runtime);
  let total: Value = bound.get('start') ?? 0n;
  for (const item of iterate(value, runtime)) {
    const term = get(item);
    if (!isNumber(term) || !isNumber(total)) throw mismatch('sum', 'numbers', isNumber(term) ? total : term);
    total =
      typeof term === 'number' || typeof total === 'number'
        ? Number(total) + Number(term)
        : BigInt(total) + BigInt(term);
  }
  return total;
}

function title(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .map((word) => capitalize(word))
    .join('');
}

function json(value: Value, args: readonly Value[], kwargs: KeywordArguments, { work }: FilterRuntime): Value {
  const bound = new Arguments('tojson', ['ensure_ascii', 'indent', 'separators', 'sort_keys'], args, kwargs);
  const width = bound.get('indent') ?? null;
  if (typeof width === 'bigint') work.text(Number(width));
  const space =
    width === null || typeof width === 'string'
      ? width
      : ' '.repeat(Math.max(0, Math.min(bound.integer('indent', 0), 1_000_000)));
  const separators = bound.get('separators') ?? null;
  const pair = separators === null ? undefined : iterableItems(separators);
  const [item, key] = pair ?? [];
  if (separators !== null && (pair?.length !== 2 || typeof item !== 'string' || typeof key !== 'string')) {
    throw new JinjaFailure('type', 'expected separators of tojson as a pair of strings');
  }
  return toJson(
    value,
    {
      ensureAscii: isTrue(bound.get('ensure_ascii') ?? false),
      indent: space,
      itemSeparator: typeof item === 'string' ? item : space === null ? ', ' : ',',
      keySeparator: typeof key === 'string' ? key : ': ',
      sortKeys: isTrue(bound.get('sort_keys') ?? false),
    },
    work,
  );
}

function trim(value: Value, args: readonly Value[], kwargs: KeywordArguments, { work, plain }: FilterRuntime): Value {
  const bound = new Arguments('trim', ['chars'], args, kwargs);
  const text = toText(value, work);
  work.spend(text.length / 8);
  return stripCharacters(text, bound.get('chars') === null ? undefined : bound.text('chars'), 'both', plain);
}

function truncate(value: Value, args: readonly Value[], kwargs: KeywordArguments, { work }: FilterRuntime): Value {
  const bound = new Arguments('truncate', ['length', 'killwords', 'end', 'leeway'], args, kwargs);
  const length = bound.integer('length', 255);
  const end = [...(bound.text('end') ?? '...')];
  const leeway = bound.get('leeway') === null ? 5 : bound.integer('leeway', 5);
  if (length < end.length || leeway < 0) {
    throw new JinjaFailure(
      'value',
      `expected a length of at least ${end.length} and a leeway of at least 0 for truncate`,
    );
  }
  const text = toText(value, work);
  work.spend(text.length / 8);
  const characters = [...text];
  if (characters.length <= length + leeway) return text;
  const kept = characters.slice(0, length - end.length).join('');
  const space = kept.lastIndexOf(' ');
  const isCutAnywhere = isTrue(bound.get('killwords') ?? false);
  return (isCutAnywhere || space < 0 ? kept : kept.slice(0, space)) + end.join('');
}

function unique(value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const bound = new Arguments('unique', ['case_sensitive', 'attribute'], args, kwargs);
  const get = attributeGetter(bound.get('attribute'), runtime);
  const normalize = isTrue(bound.get('case_sensitive') ?? false) ? same : ignoreCase;
  const seen = new Dict();
  const kept = iterate(value, runtime).filter((item) => {
    const key = normalize(get(item));
    if (seen.has(key)) return false;
    seen.set(key, true);
    return true;
  });
  return new Once(kept);
}

function urlEncode(value: Value, _args: readonly Value[], _kwargs: KeywordArguments, runtime: FilterRuntime): Value {
  const quote = (part: Value, safe: string): string => {
    const text = toText(part, runtime.work);
    runtime.work.text(text.length * 3);
    return Array.from(new TextEncoder().encode(text), (byte) => {
      const character = String.fromCharCode(byte);
      const isKept = byte < 128 && (/[A-Za-z0-9_.~-]/.test(character) || character === safe);
      return isKept ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    }).join('');
  };
  if (typeof value === 'string' || iterableItems(value) === undefined) return quote(value, '/');
  const pairs =
    value instanceof Dict ? [...value.entries()] : iterate(value, runtime).map((pair) => iterate(pair, runtime));
  return pairs
    .map(
      ([key, entry]) =>
        `${quote(key ?? null, '').replaceAll('%20', '+')}=${quote(entry ?? null, '').replaceAll('%20', '+')}`,
    )
    .join('&');
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character]!);
}
