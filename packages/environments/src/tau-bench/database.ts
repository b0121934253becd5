import { createHash } from 'node:crypto';
import { GraphCopier } from '../bfcl/python/graph.js';
import { pyJson } from '../bfcl/python/render.js';
import { compareCodePoints, type PyDict, type PyValue } from '../bfcl/python/value.js';
import { type RecordChanges, recordId, type TauTables } from './tables.js';

/** State of one episode's database at one moment. Shares records with it and with other snapshots; never written to. */
export class DatabaseSnapshot {
  readonly tables: TauTables;
  readonly changes: RecordChanges;

  constructor(tables: TauTables, changes: RecordChanges) {
    this.tables = tables;
    this.changes = changes;
  }
}

/**
 * One episode's database: the shared initial records under a layer of the records that this episode changed. A record is
 * copied the first time it is written to, and again after a snapshot; so reset and snapshot cost nothing per record.
 */
export class TauDatabase {
  readonly tables: TauTables;
  #changes = new Map<string, Map<string, PyDict>>();
  /** Records that only this episode holds, and may write into. */
  #owned = new Set<PyDict>();

  constructor(tables: TauTables) {
    this.tables = tables;
  }

  /**
   * A record to read, never to write; undefined where the id is not in the table.
   *
   * @throws {PythonError} TypeError for an id that Python cannot look up (a list, a dict).
   */
  find(table: string, key: PyValue): PyDict | undefined {
    const id = recordId(key);
    return id === undefined ? undefined : (this.#changes.get(table)?.get(id) ?? this.tables.table(table).get(id));
  }

  /** The record to write into; it must exist. What was read of it before must be forgotten. */
  writable(table: string, id: string): PyDict {
    const record = this.find(table, id);
    if (record === undefined) throw new RangeError(`expected a record ${id} in ${table}, there is none`);
    if (this.#owned.has(record)) return record;
    const copy = new GraphCopier().copy(record);
    this.#put(table, id, copy);
    return copy;
  }

  /** Adds or replaces a record; the database owns it from now on. New records come after the initial ones. */
  set(table: string, id: string, record: PyDict): void {
    this.#put(table, id, record);
  }

  /** Every record of a table in Python's order: file order, then those added. */
  *records(table: string): Generator<readonly [string, PyDict]> {
    const initial = this.tables.table(table);
    const changes = this.#changes.get(table);
    for (const [id, record] of initial) yield [id, changes?.get(id) ?? record];
    for (const [id, record] of changes ?? []) if (!initial.has(id)) yield [id, record];
  }

  /** Records written to in this episode, also where the value came out as before. */
  changes(): RecordChanges {
    return this.#changes;
  }

  /** tau-bench's data hash of the whole database. Key order inside objects does not count, int and float differ. */
  dataHash(): string {
    return this.tables.hashWith(this.#changes);
  }

  /**
   * Stable hash of what this episode changed, 32 hex digits: equal exactly when every record prints the same, key order
   * included. Cheaper than {@link dataHash}, since unchanged records are not read.
   */
  digest(): string {
    const hash = createHash('sha256');
    for (const table of Array.from(this.#changes.keys()).sort(compareCodePoints)) {
      const changes = this.#changes.get(table) as Map<string, PyDict>;
      const initial = this.tables.table(table);
      for (const id of Array.from(changes.keys()).sort(compareCodePoints)) {
        const text = pyJson(changes.get(id) as PyDict);
        const before = initial.get(id);
        if (before !== undefined && pyJson(before) === text) continue;
        hash.update(`${table.length}:${table}${id.length}:${id}${text.length}:${text}`, 'utf8');
      }
      // Scans show added records in the order of adding.
      const added = Array.from(changes.keys()).filter((id) => !initial.has(id));
      if (added.length > 0) hash.update(JSON.stringify(added), 'utf8');
    }
    return hash.digest('hex').slice(0, 32);
  }

  snapshot(): DatabaseSnapshot {
    const changes = new Map(Array.from(this.#changes, ([table, records]) => [table, new Map(records)]));
    this.#owned = new Set();
    return new DatabaseSnapshot(this.tables, changes);
  }

  restore(snapshot: DatabaseSnapshot): void {
    this.#changes = new Map(Array.from(snapshot.changes, ([table, records]) => [table, new Map(records)]));
    this.#owned = new Set();
  }

  #put(table: string, id: string, record: PyDict): void {
    let records = this.#changes.get(table);
    if (records === undefined) {
      records = new Map();
      this.#changes.set(table, records);
    }
    records.set(id, record);
    this.#owned.add(record);
  }
}
