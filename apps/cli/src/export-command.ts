import { resolve } from 'node:path';
import { configJsonSchema, type ExportConfig, exportConfigSchema, parseClosed } from '@parl-mt/schema';
import type { Command } from 'commander';
import { configFlags } from './config-flags.js';
import { addConfigOptions, configOf } from './config-options.js';
import type { CliHost } from './host.js';
import { listenForInterrupt } from './interrupt.js';

/** `parl-mt export`. */
export function addExportCommand(program: Command, host: CliHost): void {
  const schema = configJsonSchema(exportConfigSchema);
  const flags = configFlags(schema);
  const command = program.command('export').description(schema.description ?? '');
  addConfigOptions(command, flags);
  command
    .option('--json', 'One JSON object.')
    .addHelpText(
      'after',
      '\nExamples:\n  parl-mt export --policy runs/train --out exported\n  parl-mt export --policy runs/lora --out exported --dtype bfloat16',
    )
    .action(async (options: Record<string, unknown>) => {
      const parse = (input: unknown, where: string) => parseClosed(exportConfigSchema, input, where);
      const config = configOf(command, options, flags, schema, parse, host);
      const folder = resolve(host.cwd, config.outDir);
      const exported = await writeExport(config, folder, host);
      host.stdout.write(
        options.json === true
          ? `${JSON.stringify({ folder, ...exported })}\n`
          : `${exported.parameters} parameters in ${folder}\n${exported.files.map((file) => `  ${file}`).join('\n')}\n`,
      );
    });
}

async function writeExport(
  { policy: source, pretrained, dtype, maxShardBytes }: ExportConfig,
  folder: string,
  host: CliHost,
) {
  // Loaded here: no other command needs them to show its help.
  const [{ loadPolicy }, { selectBackend }] = await Promise.all([
    import('@parl-mt/rl'),
    import('@parl-mt/tfjs-backend'),
  ]);
  await selectBackend('parl');
  using interrupt = listenForInterrupt(host);
  const onLog = (message: string) => void host.stderr.write(`${message}\n`);
  using policy = await loadPolicy(source, pretrained, { signal: interrupt.signal, onLog });
  const files = await policy.export(folder, { dtype, maxShardBytes });
  return { parameters: policy.decoder.parameterCount, files };
}
