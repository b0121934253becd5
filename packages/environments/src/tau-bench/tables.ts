import { createHash, type Hash } from 'node:crypto';
import { compareCodePoints, hashKey, PyDict, type PyValue } from '../bfcl/python/value.js';
import { dataHash, hashableText, pairText } from './hash.js';

/** Bytes between two saved states of the hash over the initial database. */
const CHECKPOINT_BYTES = 1 << 16;

/** The initial records of a domain, in file order. Shared by every episode: nothing may write into it. */
export class TauTables {
  readonly #tables: ReadonlyMap<string, ReadonlyMap<string, PyDict>>;
  #hashBase: HashBase | undefined;

  constructor(tables: ReadonlyMap<string, ReadonlyMap<string, PyDict>>) {
    this.#tables = tables;
  }

  names(): string[] {
    return Array.from(this.#tables.keys());
  }

  /** @throws {RangeError} for a table that the domain does not have: a bug of the caller. */
  table(name: string): ReadonlyMap<string, PyDict> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new RangeError(`expected a table of ${this.names().join(', ')}, received ${name}`);
    return table;
  }

  /**
   * tau-bench's data hash of these records with some of them replaced or added.
   *
   * Starts from the last saved state of the hash before the first change, so its cost falls with the position of that
   * change in the sorted text; without a change it is free.
   */
  hashWith(changes: RecordChanges): string {
    this.#hashBase ??= new HashBase(this.#tables);
    return this.#hashBase.hashWith(changes);
  }
}

/** Table name to record id to record. */
export type RecordChanges = ReadonlyMap<string, ReadonlyMap<string, PyDict>>;

/** The printed initial database with the place of every record in it. */
class HashBase {
  readonly #bytes: Buffer;
  /** Per table: ids in sorted order, and where the text of each pair starts and ends. */
  readonly #places = new Map<string, { readonly ids: readonly string[]; readonly ends: readonly [number, number][] }>();
  readonly #checkpoints: { readonly at: number; readonly hash: Hash }[] = [];
  readonly #isPatchable: boolean;
  readonly #tables: RecordChanges;

  constructor(tables: RecordChanges) {
    this.#tables = tables;
    // Python prints a tuple of one item with a trailing comma; only tables of two and more records are patched in place.
    this.#isPatchable = tables.size > 1 && Array.from(tables.values()).every((table) => table.size > 1);
    const chunks: Buffer[] = [];
    let length = 0;
    const append = (text: string): [number, number] => {
      const chunk = Buffer.from(text, 'utf8');
      chunks.push(chunk);
      const start = length;
      length += chunk.length;
      return [start, length];
    };
    for (const [index, name] of Array.from(tables.keys()).sort(compareCodePoints).entries()) {
      append(index === 0 ? `(('${name}', (` : `)), ('${name}', (`);
      const table = tables.get(name) as ReadonlyMap<string, PyDict>;
      const ids = Array.from(table.keys()).sort(compareCodePoints);
      const ends = ids.map((id, position) => {
        if (position > 0) append(', ');
        return append(pairText(id, hashableText(table.get(id) as PyDict)));
      });
      this.#places.set(name, { ids, ends });
    }
    append(')))');
    this.#bytes = Buffer.concat(chunks);
    const hash = createHash('sha256');
    for (let at = 0; at < length; at += CHECKPOINT_BYTES) {
      this.#checkpoints.push({ at, hash: hash.copy() });
      hash.update(this.#bytes.subarray(at, at + CHECKPOINT_BYTES));
    }
    this.#checkpoints.push({ at: length, hash });
  }

  hashWith(changes: RecordChanges): string {
    if (!this.#isPatchable) return dataHash(merged(this.#tables, changes));
    const patches = Array.from(changes, ([name, records]) =>
      Array.from(records, ([id, record]) => this.#patch(name, id, record)),
    )
      .flat()
      .sort((a, b) => a.start - b.start || compareCodePoints(a.id, b.id));
    const first = patches[0]?.start ?? this.#bytes.length;
    const checkpoint = this.#checkpoints.findLast(({ at }) => at <= first) as { at: number; hash: Hash };
    const hash = checkpoint.hash.copy();
    let position = checkpoint.at;
    for (const { start, end, text } of patches) {
      hash.update(this.#bytes.subarray(position, start));
      hash.update(text, 'utf8');
      position = end;
    }
    hash.update(this.#bytes.subarray(position));
    return hash.digest('hex');
  }

  /** What to put where for one record: over its old text, or between its neighbours. */
  #patch(name: string, id: string, record: PyDict): { id: string; start: number; end: number; text: string } {
    const { ids, ends } = this.#places.get(name) as { ids: readonly string[]; ends: readonly [number, number][] };
    const text = pairText(id, hashableText(record));
    const index = lowerBound(ids, id);
    if (ids[index] === id) {
      const [start, end] = ends[index] as [number, number];
      return { id, start, end, text };
    }
    const next = ends[index];
    if (next !== undefined) return { id, start: next[0], end: next[0], text: `${text}, ` };
    const last = (ends.at(-1) as [number, number])[1];
    return { id, start: last, end: last, text: `, ${text}` };
  }
}

/** Index of the first id that is not before `id`. */
function lowerBound(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareCodePoints(ids[middle] as string, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function merged(tables: RecordChanges, changes: RecordChanges): PyDict {
  return new PyDict(
    Array.from(tables, ([name, table]) => [name, new PyDict([...table, ...(changes.get(name) ?? [])])] as const),
  );
}

/**
 * The id as a text, where it is one: other hashable values are never an id.
 *
 * @throws {PythonError} TypeError for lists and dicts, which Python cannot look up.
 */
export function recordId(key: PyValue): string | undefined {
  if (typeof key === 'string') return key;
  hashKey(key);
  return undefined;
}
