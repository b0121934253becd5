import { join } from 'node:path';
import { ConfigError } from '@parl-mt/schema';
import { JsonSyntaxError, readJson } from '../../bfcl/python/json-reader.js';
import type { PyValue } from '../../bfcl/python/value.js';
import {
  type ConformanceSuite,
  describeFailure,
  kindOfFile,
  readTrace,
  type SuiteReport,
  traceFilesIn,
} from '../../conformance/suite.js';
import { type CheckReport, Tally } from '../../conformance/tally.js';
import { loadTauWorld, type TauWorld, tauDomainsIn, tauSplitsIn } from '../load-world.js';
import { agentDifferences } from './agent-trace.js';
import { hashVectorDifferences, initialHashDifferences } from './hash-trace.js';
import { passDifferences } from './pass-trace.js';
import { replayGroundTruth } from './replay.js';
import { rewardCaseDifferences } from './reward-trace.js';
import { stepTraceDifferences } from './step-trace.js';
import { TraceRecord } from './trace-record.js';
import { userDifferences } from './user-trace.js';

/** Counts parts of a record: what is demanded too, and what is only told. */
export interface TraceCounter {
  also(what: string, isMatch: boolean): void;
  told(what: string, isMatch: boolean): void;
}

/** What is wrong with one record, one line each; none where it matches. */
export type TraceCheck = (record: TraceRecord, worlds: Worlds, counter: TraceCounter) => string[] | Promise<string[]>;

export type Worlds = (domain: string) => TauWorld;

/** Prefix of a trace file's name to its check, and the field that names a record's tag. */
const KINDS: { readonly [kind: string]: { readonly check: TraceCheck; readonly tag: readonly string[] } } = {
  airline: { check: stepTraceDifferences, tag: [] },
  retail: { check: stepTraceDifferences, tag: [] },
  errors: { check: stepTraceDifferences, tag: ['case'] },
  reward_cases: { check: rewardCaseDifferences, tag: ['case'] },
  hash_vectors: { check: hashVectorDifferences, tag: [] },
  initial_hashes: { check: initialHashDifferences, tag: [] },
  user_sim: { check: userDifferences, tag: ['strategy'] },
  agents: { check: agentDifferences, tag: ['strategy'] },
  pass_k: { check: passDifferences, tag: [] },
};

/** tau-bench: recorded runs of the reference, and every task's own actions. All records must match. */
export const tauBenchSuite: ConformanceSuite = {
  name: 'tau-bench',
  async run(directory): Promise<SuiteReport> {
    const loaded = new Map<string, TauWorld>();
    const worlds: Worlds = (domain) => {
      let world = loaded.get(domain);
      if (world === undefined) {
        world = loadTauWorld(directory, domain);
        loaded.set(domain, world);
      }
      return world;
    };
    const checks: CheckReport[] = [];
    const unknownFiles: string[] = [];
    for (const file of traceFilesIn(join(directory, 'traces'))) {
      const kind = kindOfFile(file, Object.keys(KINDS));
      if (kind === undefined) unknownFiles.push(file);
      else checks.push(await runFile(join(directory, 'traces', file), file, kind, worlds));
    }
    for (const domain of tauDomainsIn(directory)) {
      for (const split of tauSplitsIn(directory, domain)) checks.push(await replaySplit(worlds, domain, split));
    }
    return { suite: 'tau-bench', checks, unknownFiles };
  },
};

async function replaySplit(worlds: Worlds, domain: string, split: string): Promise<CheckReport> {
  try {
    return await replayGroundTruth(worlds(domain), split);
  } catch (error) {
    const tally = new Tally();
    const name = `ground truth ${domain} ${split}`;
    tally.countUnreadable(() => describeFailure(name, error));
    return tally.report(name, 'replay', 'tasks', 1);
  }
}

async function runFile(path: string, file: string, kind: string, worlds: Worlds): Promise<CheckReport> {
  const { check, tag } = KINDS[kind] as (typeof KINDS)[string];
  const tally = new Tally();
  for (const { text, line } of readTrace(path)) {
    const where = `${file}:${line}`;
    tally.countRecord();
    try {
      const record = new TraceRecord(parse(text, where), where);
      const counter: TraceCounter = {
        also: (what, isMatch) => tally.countAlso(what, isMatch, () => `${where} ${what}`),
        told: (what, isMatch) => tally.countTag(what, isMatch),
      };
      const problems = await check(record, worlds, counter);
      const tags = tag.map((field) => record.text(field));
      tally.count(problems.length === 0, () => `${where} ${tags.join(' ')}: ${problems.slice(0, 2).join('; ')}`, tags);
    } catch (error) {
      tally.countUnreadable(() => describeFailure(where, error));
    }
  }
  return tally.report(file, kind, 'records', 1);
}

function parse(line: string, where: string): PyValue {
  try {
    return readJson(line);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new ConfigError(`${where}: expected JSON: ${error.message}`);
    throw error;
  }
}
