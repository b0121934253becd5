import {
  bfclDataConfigSchema,
  type ConfigJsonSchema,
  configJsonSchema,
  environmentServerConfigSchema,
  exportConfigSchema,
  runConfigJsonSchema,
  serverConfigSchema,
  tauBenchDataConfigSchema,
} from '@parl-mt/schema';
import { configFlags, constraintText, valueName } from './config-flags.js';
import { RUN_COMMANDS } from './run-commands.js';

/** The configuration reference, docs/config.md, from the schemas alone. */
export function renderConfigReference(): string {
  const sections = RUN_COMMANDS.map(({ kind, words }) =>
    renderCommand(`parl-mt ${words.join(' ')}`, `Run kind \`${kind}\`.`, runConfigJsonSchema(kind)),
  );
  const server = renderCommand('parl-mt serve', 'The HTTP server.', configJsonSchema(serverConfigSchema));
  const data = Object.entries({ bfcl: bfclDataConfigSchema, 'tau-bench': tauBenchDataConfigSchema }).map(
    ([name, schema]) => renderCommand(`parl-mt data ${name}`, 'Benchmark data.', configJsonSchema(schema)),
  );
  const environments = renderCommand(
    'parl-mt env serve',
    'The server of environments.',
    configJsonSchema(environmentServerConfigSchema),
  );
  const exporting = renderCommand(
    'parl-mt export',
    'A command without a run folder.',
    configJsonSchema(exportConfigSchema),
  );
  return `# Configuration reference

Generated from the schemas in \`packages/schema\`; a test compares this page with them.
A key is the dotted name in a JSON file, a request body, or \`--set\`; the flag is its command-line form.
Unknown keys are refused. How the sources combine is in [cli.md](cli.md).

${[...sections, exporting, server, environments, ...data].join('\n')}`;
}

function renderCommand(title: string, note: string, schema: ConfigJsonSchema): string {
  const rows = configFlags(schema).map(({ path, name, schema: field, isRequired }) => {
    const constraints = [isRequired ? 'required' : '', constraintText(field)].filter((text) => text !== '').join('; ');
    const cells = [`\`${path.join('.')}\``, `\`--${name}\``, valueName(field), constraints, field.description ?? ''];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `## ${title}

${note} ${schema.description ?? ''}

| key | flag | value | default, range | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
