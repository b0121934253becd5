import { existsSync } from 'node:fs';
import { type BenchmarkName, benchmarkFolder } from '@parl-mt/environments/data-home';
import { type EvaluateRunConfig, type RunConfigs, type RunKind, UsageError } from '@parl-mt/schema';

/**
 * The configuration with the folder of the benchmark that it names, where it names none itself: what `parl-mt data` keeps.
 * So `run.json` says which data a run used.
 *
 * @throws {UsageError} when there is neither a path nor fetched data.
 */
export function withCachedData<K extends RunKind>(kind: K, config: RunConfigs[K]): RunConfigs[K] {
  if (kind !== 'evaluate') return config;
  return fillData(config as EvaluateRunConfig) as RunConfigs[K];
}

function fillData(config: EvaluateRunConfig): EvaluateRunConfig {
  switch (config.evaluation.benchmark) {
    case 'synthetic':
    case 'records':
      return config;
    case 'bfcl':
      return { ...config, bfclPath: config.bfclPath ?? fetchedFolder('bfcl', 'bfcl') };
    case 'tau-bench':
      return { ...config, tauBenchPath: config.tauBenchPath ?? fetchedFolder('tau-bench', 'tau-bench') };
  }
}

function fetchedFolder(benchmark: BenchmarkName, flag: string): string {
  const folder = benchmarkFolder(benchmark);
  if (existsSync(folder)) return folder;
  throw new UsageError(
    `expected --${flag} PATH, or data in ${folder}; neither is there. "parl-mt data ${benchmark} --from hub" fetches it.`,
  );
}
