import {
  configJsonSchema,
  environmentServerConfigSchema,
  parseClosed,
  parseRunConfig,
  runConfigJsonSchema,
  serverConfigSchema,
} from '@parl-mt/schema';
import { Command, CommanderError } from 'commander';
import { withCachedData } from './cached-data.js';
import { configFlags } from './config-flags.js';
import { addConfigOptions, configOf } from './config-options.js';
import { addDataCommands } from './data-command.js';
import { describeError } from './describe-error.js';
import { ENV_SERVE_EXAMPLES, serveEnvironments } from './env-serve.js';
import { addExportCommand } from './export-command.js';
import { formatPlan } from './format-plan.js';
import type { CliHost } from './host.js';
import { cliVersion, collectInfo, formatInfo } from './info.js';
import type { RunPlan } from './jobs/plans.js';
import { type Planner, plannerLoaders } from './jobs.js';
import { RUN_COMMANDS } from './run-commands.js';
import { runJob } from './run-job.js';
import { serve } from './serve.js';

/**
 * The `parl-mt` command.
 *
 * @param args - arguments after the command's name.
 * @returns the exit code: 0 done, 1 the run failed, 2 usage or configuration, 130 cancelled. Never throws.
 */
export async function runCli(args: readonly string[], host: CliHost): Promise<number> {
  let exitCode = 0;
  const program = createProgram(host, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed the message or the help; only asking for help or the version is a success.
      return error.exitCode === 0 ? 0 : 2;
    }
    const { exitCode: failureCode, code, message, text } = describeError(error);
    if (args.includes('--json')) {
      host.stdout.write(
        `${JSON.stringify({ type: 'failed', time: new Date(host.now()).toISOString(), code, message })}\n`,
      );
    }
    host.stderr.write(`${text}\n`);
    return failureCode;
  }
}

/** @returns 0 where the run fits, 1 where it does not. */
function showPlan(plan: RunPlan, host: CliHost, isJson: boolean): number {
  const free = process.availableMemory();
  const fits = plan.memory.total <= free;
  host.stdout.write(isJson ? `${JSON.stringify({ ...plan, free, fits })}\n` : formatPlan(plan, free));
  return fits ? 0 : 1;
}

function createProgram(host: CliHost, setExitCode: (code: number) => void): Command {
  const program = new Command('parl-mt')
    .description('Progress-aware multi-turn function calling: build datasets, train and evaluate policies.')
    .version(cliVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
      getOutHelpWidth: () => host.stdout.columns ?? 100,
      getErrHelpWidth: () => host.stderr.columns ?? 100,
    })
    .addHelpText('after', '\nExit codes: 0 done, 1 the run failed, 2 usage or configuration, 130 cancelled.');
  program.command('pag').description('PAG datasets.');
  for (const { kind, words, examples } of RUN_COMMANDS) {
    const parent = words.length === 1 ? program : program.commands.find((command) => command.name() === words[0])!;
    const schema = runConfigJsonSchema(kind);
    const flags = configFlags(schema);
    const command = parent.command(words.at(-1)!).description(schema.description ?? '');
    addConfigOptions(command, flags);
    command.option('--json', 'Events on stdout, one JSON object per line; no progress display.');
    const planner = plannerLoaders[kind];
    if (planner !== undefined) {
      command.option(
        '--dry-run',
        'Say what the run would train and how much memory it needs, and end; nothing is written.',
      );
    }
    command
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`)
      .action(async (options: Record<string, unknown>) => {
        const config = configOf(
          command,
          options,
          flags,
          schema,
          (input, where) => parseRunConfig(kind, input, where),
          host,
        );
        if (options.dryRun === true && planner !== undefined) {
          const plan = await ((await planner()) as Planner<typeof kind>)(config);
          setExitCode(showPlan(plan, host, options.json === true));
          return;
        }
        setExitCode(await runJob(kind, withCachedData(kind, config), host, options.json === true));
      });
  }
  addDataCommands(program, host);
  addExportCommand(program, host);
  const serverSchema = configJsonSchema(serverConfigSchema);
  const serverFlags = configFlags(serverSchema);
  const serveCommand = program.command('serve').description(serverSchema.description ?? '');
  addConfigOptions(serveCommand, serverFlags);
  serveCommand
    .addHelpText('after', '\nExamples:\n  parl-mt serve\n  parl-mt serve --port 9000 --data runs/server')
    .action(async (options: Record<string, unknown>) => {
      const parse = (input: unknown, where: string) => parseClosed(serverConfigSchema, input, where);
      setExitCode(await serve(configOf(serveCommand, options, serverFlags, serverSchema, parse, host), host));
    });
  const environmentSchema = configJsonSchema(environmentServerConfigSchema);
  const environmentFlags = configFlags(environmentSchema);
  const environmentCommand = program
    .command('env')
    .description('Environments.')
    .command('serve')
    .description(environmentSchema.description ?? '');
  addConfigOptions(environmentCommand, environmentFlags);
  environmentCommand
    .addHelpText('after', `\nExamples:\n${ENV_SERVE_EXAMPLES.map((example) => `  ${example}`).join('\n')}`)
    .action(async (options: Record<string, unknown>) => {
      const parse = (input: unknown, where: string) => parseClosed(environmentServerConfigSchema, input, where);
      const config = configOf(environmentCommand, options, environmentFlags, environmentSchema, parse, host);
      setExitCode(await serveEnvironments(config, host));
    });
  program
    .command('info')
    .description('What this installation runs on.')
    .option('--json', 'One JSON object.')
    .action(async (options: { json?: boolean }) => {
      const info = await collectInfo();
      host.stdout.write(options.json === true ? `${JSON.stringify(info)}\n` : formatInfo(info));
    });
  return program;
}
