import type { PagReport, TextSizes } from './report.js';

/** The dataset card: a Hugging Face README with the configurations of the folder and every count of the report. */
export function renderDatasetCard(report: PagReport): string {
  const { config, split, references } = report;
  return `---
license: apache-2.0
language:
  - en
task_categories:
  - text-generation
size_categories:
  - ${sizeCategory(split.train.records + split.validation.records)}
configs:
  - config_name: records
    default: true
    data_files:
${dataFiles(report, { train: 'train.jsonl', validation: 'validation.jsonl' })}
  - config_name: sft
    data_files:
${dataFiles(report, { train: 'sft.jsonl', validation: 'sft-validation.jsonl' })}
---

# PAG dataset

Progress-awareness records for multi-turn function calling: context and awareness (summary and plan) lead to the target
calls. Built by \`@parl-mt/pag\` from synthetic tasks over ${config.synthesis.classes.join(', ')}.

| file | content | rows |
|---|---|---|
| train.jsonl | records | ${split.train.records} |
| validation.jsonl | records of held-out tasks | ${split.validation.records} |
| sft.jsonl | the same as chats with a \`loss\` flag per message | ${split.train.records} |
| sft-validation.jsonl | held-out chats | ${split.validation.records} |

## Origin

- generator: ${report.generator} (prompt hash ${report.promptHash}), seed ${config.synthesis.seed}, code ${report.codeFingerprint}
- judge: ${report.judge ?? 'none: the log-prob gain gate was left out'}
- writer: ${report.writer ?? 'none: the sampling gate was left out'}
- tasks: ${report.tasks} with ${report.turns} turns and ${report.calls} calls
- references: ${references.referred} of ${references.eligible} arguments known from earlier are only referred to (${percent(references.referred, references.eligible)})
- near-duplicates: exact repeats after lower-casing and collapsing white space; ${report.duplicates} removed
- split: by task, never by record; ${split.train.tasks} tasks train, ${split.validation.tasks} validation

## Verification

${report.decisions} decisions, ${report.accepted} accepted (${percent(report.accepted, report.decisions)}), ${report.duplicates} of these removed as duplicates.${
    report.meanLogprobGain === null ? '' : ` Mean log-prob gain ${report.meanLogprobGain.toFixed(3)} nats per token.`
  }${
    report.meanReconstructionRate === null
      ? ''
      : ` Mean match rate of ${report.config.sampling.samples} samples ${report.meanReconstructionRate.toFixed(3)}.`
  }
${agreementTable(report)}

${table(
  ['turn', 'decisions', 'accepted', 'refused'],
  report.byTurn.map(({ turn, decisions, accepted, refused }) => [
    String(turn + 1),
    String(decisions),
    `${accepted} (${percent(accepted, decisions)})`,
    Object.entries(refused)
      .map(([stage, count]) => `${stage} ${count}`)
      .join(', ') || '0',
  ]),
)}

${
  report.rejections.length === 0
    ? 'No record was refused.'
    : table(
        ['stage', 'reason', 'records'],
        report.rejections.map(({ stage, kind, count }) => [stage, kind, String(count)]),
      )
}

## Text

Words stand between white space, \`;\`, \`:\` and \`=\`.

${table(
  ['part', 'words, mean', 'words, max', 'characters, mean', 'characters, max'],
  [sizeRow('summary', report.summary), sizeRow('plan', report.plan)],
)}

## Stages

${table(
  ['stage', 'rows', 'seconds'],
  report.stages.map(({ name, rows, seconds, cached }) => [name, String(rows), cached ? 'cached' : seconds.toFixed(1)]),
)}
`;
}

/** Nothing unless both model-aware gates ran. */
function agreementTable({ agreement }: PagReport): string {
  if (agreement === null) return '';
  const { records, bothAccept, onlyGain, onlySampling, bothRefuse, kappa } = agreement;
  const cells = (accepted: number, refused: number): string[] => [
    `${accepted} (${percent(accepted, records)})`,
    `${refused} (${percent(refused, records)})`,
  ];
  return `
${table(
  [`${records} records that both judges scored`, 'sampling accepts', 'sampling refuses'],
  [
    ['log-prob gain accepts', ...cells(bothAccept, onlyGain)],
    ['log-prob gain refuses', ...cells(onlySampling, bothRefuse)],
  ],
)}

They agree on ${percent(bothAccept + bothRefuse, records)}; Cohen's kappa ${kappa === null ? 'n/a' : kappa.toFixed(2)}.
`;
}

/** Splits with rows; a reader of the folder cannot tell the columns of an empty file. */
function dataFiles({ split }: PagReport, paths: Readonly<Record<'train' | 'validation', string>>): string {
  return (['train', 'validation'] as const)
    .filter((name) => split[name].records > 0)
    .map((name) => `      - split: ${name}\n        path: ${paths[name]}`)
    .join('\n');
}

/** Buckets of the Hugging Face hub. */
function sizeCategory(records: number): string {
  if (records < 1000) return 'n<1K';
  if (records < 10_000) return '1K<n<10K';
  return records < 100_000 ? '10K<n<100K' : '100K<n<1M';
}

function sizeRow(part: string, sizes: TextSizes): string[] {
  return [
    part,
    sizes.meanWords.toFixed(1),
    String(sizes.maxWords),
    sizes.meanCharacters.toFixed(1),
    String(sizes.maxCharacters),
  ];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function percent(part: number, whole: number): string {
  return whole === 0 ? 'n/a' : `${((100 * part) / whole).toFixed(1)}%`;
}
