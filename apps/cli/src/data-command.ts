import { resolve } from 'node:path';
import type { BenchmarkRequest, InstalledData } from '@parl-mt/environments';
import { dataHome } from '@parl-mt/environments/data-home';
import { bfclDataConfigSchema, configJsonSchema, parseClosed, tauBenchDataConfigSchema } from '@parl-mt/schema';
import type { Command } from 'commander';
import { configFlags } from './config-flags.js';
import { addConfigOptions, configOf } from './config-options.js';
import type { CliHost } from './host.js';
import { listenForInterrupt } from './interrupt.js';

/** `parl-mt data bfcl` and `parl-mt data tau-bench`. */
export function addDataCommands(program: Command, host: CliHost): void {
  const data = program
    .command('data')
    .description('Benchmark data: fetch, convert and keep it in the user data directory.');
  addDataCommand(data, host, 'bfcl', bfclDataConfigSchema, (config) => ({ benchmark: 'bfcl', config }));
  addDataCommand(data, host, 'tau-bench', tauBenchDataConfigSchema, (config) => ({ benchmark: 'tau-bench', config }));
}

function addDataCommand<T extends BenchmarkRequest['config']>(
  parent: Command,
  host: CliHost,
  benchmark: BenchmarkRequest['benchmark'],
  configSchema: Parameters<typeof parseClosed<T>>[0],
  request: (config: T) => BenchmarkRequest,
): void {
  const schema = configJsonSchema(configSchema);
  const flags = configFlags(schema);
  const command = parent.command(benchmark).description(schema.description ?? '');
  addConfigOptions(command, flags);
  command
    .option('--json', 'One JSON object.')
    .addHelpText('after', `\nExamples:\n  parl-mt data ${benchmark}\n  parl-mt data ${benchmark} --from FOLDER`)
    .action(async (options: Record<string, unknown>) => {
      const parse = (input: unknown, where: string) => parseClosed(configSchema, input, where);
      const config = configOf(command, options, flags, schema, parse, host);
      const from = config.from === 'hub' ? config.from : resolve(host.cwd, config.from);
      const installed = await install(request({ ...config, from }), host);
      host.stdout.write(options.json === true ? `${JSON.stringify(installed)}\n` : format(installed));
    });
}

async function install(request: BenchmarkRequest, host: CliHost): Promise<InstalledData> {
  // Loaded here: no other command needs it to show its help.
  const { installBenchmark } = await import('@parl-mt/environments');
  using interrupt = listenForInterrupt(host);
  return installBenchmark(request, {
    home: dataHome(),
    fetch: (url, init) => fetch(url, init),
    log: (line) => void host.stderr.write(`${line}\n`),
    signal: interrupt.signal,
  });
}

function format({ folder, lock, isNew, tasks }: InstalledData): string {
  const { source } = lock;
  const origin = 'version' in source ? `${source.name} ${source.version}` : source.path;
  const sets = Object.entries(tasks).map(([set, count]) => `  ${set.padEnd(16)} ${count} tasks`);
  return `${isNew ? 'installed' : 'already there'}: ${origin} in ${folder}\n${sets.join('\n')}\n`;
}
