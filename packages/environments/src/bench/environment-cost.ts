import type { Task } from '@parl-mt/schema';
import { BfclEnvironment } from '../bfcl/bfcl-environment.js';
import { COST_SCENARIOS, type CostScenario } from './cost-scenarios.js';

/** Median microseconds of each operation. */
export interface EnvironmentCost {
  readonly className: string;
  readonly reset: number;
  /** One call, the mean over the scenario's calls; parsing and rendering included. */
  readonly call: number;
  readonly snapshot: number;
  readonly restore: number;
  /** After a change; without one it is remembered. */
  readonly digest: number;
}

/**
 * Measures every class on a scenario of usual size.
 *
 * @param rounds - samples per operation; each sample takes `BATCH` operations.
 * @throws {Error} when a scenario's call fails: it would time the failure.
 */
export function measureEnvironmentCost(rounds: number): EnvironmentCost[] {
  const all: CostScenario = {
    className: 'all eight',
    config: {},
    calls: COST_SCENARIOS.flatMap(({ calls }) => calls),
  };
  return [
    ...COST_SCENARIOS.map((scenario) => costOf([scenario], scenario.className, rounds)),
    costOf(COST_SCENARIOS, all.className, rounds),
  ];
}

const BATCH = 20;

function costOf(scenarios: readonly CostScenario[], className: string, rounds: number): EnvironmentCost {
  const task: Task = {
    id: 'cost',
    environment: 'bfcl',
    category: 'cost',
    involvedClasses: scenarios.map((scenario) => scenario.className),
    initialConfig: JSON.stringify(
      Object.fromEntries(scenarios.map((scenario) => [scenario.className, scenario.config])),
    ),
    tools: [],
    turns: [{ messages: [], groundTruth: [] }],
  };
  const calls = scenarios.flatMap((scenario) => scenario.calls);
  const environment = new BfclEnvironment();
  environment.reset(task, 0);
  for (const call of calls) {
    const { isError, content } = environment.execute(call);
    if (isError) throw new Error(`expected ${call} to succeed, received ${content}`);
  }
  const samples = (work: () => void) => median(Array.from({ length: rounds }, () => microseconds(work)));
  const reset = samples(() => environment.reset(task, 0));
  const call =
    median(
      Array.from({ length: rounds }, () => {
        environment.reset(task, 0);
        return microseconds(() => {
          for (const text of calls) environment.execute(text);
        });
      }),
    ) / calls.length;
  environment.reset(task, 0);
  const snapshot = environment.snapshot();
  return {
    className,
    reset,
    call,
    snapshot: samples(() => environment.snapshot()),
    restore: samples(() => environment.restore(snapshot)),
    // A restore forgets the digest; its own time is taken off.
    digest: Math.max(
      0,
      samples(() => {
        environment.restore(snapshot);
        environment.digest();
      }) - samples(() => environment.restore(snapshot)),
    ),
  };
}

/** Mean over a batch, so that the clock's resolution does not show. */
function microseconds(work: () => void): number {
  const startedAt = performance.now();
  for (let repeat = 0; repeat < BATCH; repeat++) work();
  return ((performance.now() - startedAt) * 1000) / BATCH;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** A table of microseconds. */
export function formatEnvironmentCost(costs: readonly EnvironmentCost[]): string {
  const row = (name: string, ...cells: string[]) => name.padEnd(20) + cells.map((cell) => cell.padStart(10)).join('');
  return [
    row('median microseconds', 'reset', 'call', 'snapshot', 'restore', 'digest'),
    ...costs.map(({ className, reset, call, snapshot, restore, digest }) =>
      row(className, ...[reset, call, snapshot, restore, digest].map((value) => value.toFixed(1))),
    ),
  ].join('\n');
}
