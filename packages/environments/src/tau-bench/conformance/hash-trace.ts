import { PyDict } from '../../bfcl/python/value.js';
import { TauDatabase } from '../database.js';
import { dataHash, hashableText } from '../hash.js';
import type { TraceCheck } from './suite.js';
import { differing, TraceRecord } from './trace-record.js';

/** Single values: what is hashed, and the hash. */
export const hashVectorDifferences: TraceCheck = (record) => {
  const value = record.raw('value') ?? null;
  return [
    ...differing('str', record.text('str'), hashableText(value)),
    ...differing('sha256', record.text('sha256'), dataHash(value)),
  ];
};

/** The initial databases: whole, by table, and some records. */
export const initialHashDifferences: TraceCheck = (record, worlds, { also }) =>
  record.entries().flatMap(([domain, value]) => {
    const { tables } = worlds(domain);
    const expected = new TraceRecord(value, `${record.where} ${domain}`);
    const problems = [differing('data_hash', expected.text('data_hash'), new TauDatabase(tables).dataHash())];
    for (const [name] of expected.record('tables').entries()) {
      const table = expected.record('tables').record(name);
      problems.push(
        differing(`${name} count`, table.number('count'), tables.table(name).size),
        differing(`${name} sha256`, table.text('sha256'), dataHash(new PyDict(tables.table(name)))),
      );
    }
    for (const [name] of expected.record('records').entries()) {
      for (const [id, hash] of expected.record('records').record(name).entries()) {
        problems.push(differing(`${name}/${id}`, hash, dataHash(tables.table(name).get(id) ?? null)));
      }
    }
    for (const [path, text] of expected.record('sample').entries()) {
      const [name, id] = path.split('/') as [string, string];
      problems.push(differing(path, text, hashableText(tables.table(name).get(id) ?? null)));
    }
    for (const problem of problems) also('hashes', problem.length === 0);
    return problems.flat();
  });
