import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type RunKind, UsageError } from '@parl-mt/schema';
import Database from 'libsql';
import type { Run, RunStatus } from './run-resource.js';

/** An event of a run as stored: JSON text, numbered from 1 within its run. */
export interface StoredEvent {
  readonly sequence: number;
  readonly type: string;
  readonly data: string;
}

/** What may change about a run. */
export type RunChange = Partial<
  Pick<Run, 'status' | 'startedAt' | 'endedAt' | 'isCancelRequested' | 'summary' | 'error'>
>;

/** Runs and their events in one SQLite file. Every call is synchronous and survives a killed process when it returns. */
export interface RunStore extends Disposable {
  insert(run: {
    readonly id: string;
    readonly kind: RunKind;
    readonly config: Run['config'];
    readonly createdAt: string;
  }): Run;
  get(id: string): Run | undefined;
  /** Newest first. `before` is the cursor that the page before ended with. */
  list(options: {
    readonly limit: number;
    readonly before?: number | undefined;
    readonly status?: RunStatus | undefined;
  }): {
    readonly runs: readonly Run[];
    readonly next: number | null;
  };
  /** The queued run that was queued first. */
  nextQueued(): Run | undefined;
  withStatus(status: RunStatus): readonly Run[];
  update(id: string, change: RunChange): Run;
  /** Puts an ended run at the end of the queue again. */
  requeue(id: string): Run;
  delete(id: string): void;
  /** Appends an event and returns its number. */
  appendEvent(id: string, type: string, data: string): number;
  /** Events after a number, in order. */
  events(id: string, after: number, limit: number): readonly StoredEvent[];
}

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    config TEXT NOT NULL,
    queue_position INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    is_cancel_requested INTEGER NOT NULL DEFAULT 0,
    summary TEXT,
    error TEXT
  );
  CREATE INDEX runs_by_status ON runs (status, queue_position);
  CREATE TABLE events (
    run_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (run_id, sequence)
  ) WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

interface RunRow {
  readonly sequence: number;
  readonly id: string;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly config: string;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly is_cancel_requested: number;
  readonly summary: string | null;
  readonly error: string | null;
}

/**
 * Opens `runs.db` in a folder, made where missing.
 *
 * @throws {UsageError} when another server has it open, or a newer version wrote it.
 */
export function openRunStore(dataDir: string): RunStore {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'runs.db');
  const database = new Database(path);
  lock(database, path);
  const version = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version > SCHEMA_VERSION) {
    throw new UsageError(`${path}: expected schema version ${SCHEMA_VERSION} or older, found ${version}`);
  }
  if (version === 0) {
    database.exec(SCHEMA);
  }

  const insertRun = database.prepare(
    `INSERT INTO runs (id, kind, status, config, created_at, queue_position)
     VALUES (?, ?, 'queued', ?, ?, (SELECT coalesce(max(queue_position), 0) + 1 FROM runs))`,
  );
  const selectRun = database.prepare('SELECT * FROM runs WHERE id = ?');
  const selectPage = database.prepare(
    'SELECT * FROM runs WHERE sequence < ? AND (? IS NULL OR status = ?) ORDER BY sequence DESC LIMIT ?',
  );
  const selectStatus = database.prepare('SELECT * FROM runs WHERE status = ? ORDER BY queue_position');
  const updateRun = database.prepare(
    `UPDATE runs SET status = ?, started_at = ?, ended_at = ?, is_cancel_requested = ?, summary = ?, error = ?
     WHERE id = ?`,
  );
  const requeueRun = database.prepare(
    `UPDATE runs SET status = 'queued', ended_at = NULL, is_cancel_requested = 0, error = NULL,
       queue_position = (SELECT max(queue_position) + 1 FROM runs) WHERE id = ?`,
  );
  const deleteRun = database.prepare('DELETE FROM runs WHERE id = ?');
  const deleteEvents = database.prepare('DELETE FROM events WHERE run_id = ?');
  const lastEvent = database.prepare('SELECT coalesce(max(sequence), 0) AS last FROM events WHERE run_id = ?');
  const insertEvent = database.prepare('INSERT INTO events (run_id, sequence, type, data) VALUES (?, ?, ?, ?)');
  const selectEvents = database.prepare(
    'SELECT sequence, type, data FROM events WHERE run_id = ? AND sequence > ? ORDER BY sequence LIMIT ?',
  );

  const get = (id: string): Run | undefined => {
    const row = selectRun.get(id) as RunRow | undefined;
    return row === undefined ? undefined : toRun(row);
  };
  const existing = (id: string): Run => {
    const run = get(id);
    if (run === undefined) {
      throw new Error(`expected a stored run, received id ${id}`);
    }
    return run;
  };
  return {
    insert({ id, kind, config, createdAt }) {
      insertRun.run(id, kind, JSON.stringify(config), createdAt);
      return existing(id);
    },
    get,
    list({ limit, before, status }) {
      // One row more than asked for tells whether there is a next page.
      const rows = selectPage.all(
        before ?? Number.MAX_SAFE_INTEGER,
        status ?? null,
        status ?? null,
        limit + 1,
      ) as RunRow[];
      const page = rows.slice(0, limit);
      return { runs: page.map(toRun), next: rows.length > limit ? page.at(-1)!.sequence : null };
    },
    nextQueued: () => (selectStatus.all('queued') as RunRow[]).slice(0, 1).map(toRun)[0],
    withStatus: (status) => (selectStatus.all(status) as RunRow[]).map(toRun),
    update(id, change) {
      const run = { ...existing(id), ...change };
      const { status, startedAt, endedAt, isCancelRequested, summary, error } = run;
      updateRun.run(status, startedAt, endedAt, Number(isCancelRequested), toText(summary), toText(error), id);
      return run;
    },
    requeue(id) {
      requeueRun.run(id);
      return existing(id);
    },
    delete(id) {
      deleteEvents.run(id);
      deleteRun.run(id);
    },
    appendEvent(id, type, data) {
      const sequence = (lastEvent.get(id) as { last: number }).last + 1;
      insertEvent.run(id, sequence, type, data);
      return sequence;
    },
    events: (id, after, limit) => selectEvents.all(id, after, limit) as StoredEvent[],
    [Symbol.dispose]() {
      unlock(database);
      database.close();
    },
  };
}

/**
 * Takes the file for this process until it ends or closes it: a second server would take the first one's running
 * runs for interrupted ones. SQLite drops the lock of a killed process.
 */
function lock(database: Database.Database, path: string): void {
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    // One fsync per event would cap a run at a few hundred events a second; the log still survives a killed process.
    database.pragma('synchronous = NORMAL');
    database.exec('BEGIN IMMEDIATE; COMMIT');
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') {
      throw new UsageError(`${path}: expected a database that no other server has open`, { cause: error });
    }
    throw error;
  }
}

/** libsql's close() leaves the lock to garbage collection; leaving WAL and exclusive mode first gives it up now. */
function unlock(database: Database.Database): void {
  database.pragma('journal_mode = DELETE');
  database.pragma('locking_mode = NORMAL');
  database.prepare('SELECT count(*) FROM runs').get();
}

function toRun(row: RunRow): Run {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    config: JSON.parse(row.config) as Run['config'],
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    isCancelRequested: row.is_cancel_requested === 1,
    summary: row.summary === null ? null : (JSON.parse(row.summary) as NonNullable<Run['summary']>),
    error: row.error === null ? null : (JSON.parse(row.error) as NonNullable<Run['error']>),
  };
}

function toText(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
