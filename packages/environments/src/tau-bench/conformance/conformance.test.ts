import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { formatConformance } from '../../conformance/format-conformance.js';
import { runConformance } from '../../conformance/run-conformance.js';
import { tauBenchSuite } from './suite.js';

const shared = process.env.PARL_MT_SHARED ?? fileURLToPath(new URL('../../../../../../shared', import.meta.url));
const data = join(shared, 'tau-bench');
const isPresent = existsSync(join(data, 'traces'));
if (!isPresent) console.warn(`skipped: conformance needs the benchmark's data and traces, none at ${data}`);

test.skipIf(!isPresent)('every recorded run of the reference is reproduced', { timeout: 120_000 }, async () => {
  const report = await runConformance(shared, [tauBenchSuite]);
  expect(report.isPassing, formatConformance(report)).toBe(true);
  const [suite] = report.suites;
  const kinds = new Set(suite?.checks.map(({ kind }) => kind));
  for (const kind of ['airline', 'retail', 'errors', 'reward_cases', 'user_sim', 'agents', 'pass_k', 'replay']) {
    expect(kinds).toContain(kind);
  }
});

test.skipIf(!isPresent)('a trace that the reference would not have made is told', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tau-traces-'));
  try {
    const suite = join(folder, 'tau-bench');
    mkdirSync(join(suite, 'traces'), { recursive: true });
    symlinkSync(join(data, 'airline'), join(suite, 'airline'));
    const [first] = lines(join(data, 'traces', 'airline_test.jsonl'));
    const [user] = lines(join(data, 'traces', 'user_sim.jsonl'));
    const broken = {
      'airline_test.jsonl': first!
        .replace('"price": 152', '"price": 152.0')
        .replace('"price\\": 152', '"price\\": 153'),
      'user_sim.jsonl': user!.replace('Do not hallucinate', 'Do hallucinate'),
      'pass_k.jsonl':
        '{"results": [{"task_id": 0, "trial": 0, "reward": 1}], "average_reward": 1, "pass_hat_k": {"1": 0}}',
      'unheard_of.jsonl': '{}',
    };
    for (const [file, text] of Object.entries(broken)) writeFileSync(join(suite, 'traces', file), text);
    const report = await runConformance(folder, [tauBenchSuite]);
    expect(report.isPassing).toBe(false);
    const [found] = report.suites;
    expect(found?.unknownFiles).toEqual(['unheard_of.jsonl']);
    const failing = found?.checks.filter((check) => !check.isPassing).map(({ name }) => name);
    expect(failing).toEqual(['airline_test.jsonl', 'pass_k.jsonl', 'user_sim.jsonl']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function lines(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n');
}
