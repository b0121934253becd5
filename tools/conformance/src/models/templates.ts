import { ChatTemplate, type ChatTemplateInput, Exact, type RenderedChat, readJson } from '@parl-mt/chat';
import { encodeChat, readTokenizerFolder, type Tokenizer } from '@parl-mt/policy';
import type { Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';
import { inCodePoints } from './tokenizers.js';

interface About {
  readonly now: string;
  readonly extra_variables: Readonly<Record<string, unknown>>;
  readonly tokenizer: string;
}

interface RenderingRow {
  readonly conversation: number;
  readonly text?: string;
  readonly error?: string;
  readonly ids?: readonly number[];
  readonly ids_sanitized?: readonly number[];
  readonly generation_spans?: readonly (readonly [number, number])[];
  readonly mask_runs?: readonly (readonly [number, number])[];
  readonly mask_runs_by_overlap?: readonly (readonly [number, number])[];
}

/** Chat templates, the conversations they are to render, and what transformers makes of them. */
export const templates: ModelSection = {
  name: 'templates',
  async run(fixtures, ledger) {
    const folder = 'templates';
    const conversationsFile = `${folder}/conversations.jsonl`;
    if (!fixtures.has(conversationsFile)) return;
    const about = fixtures.json<About>(`${folder}/about.json`);
    ledger.use(`${folder}/about.json`, conversationsFile);
    const { tokenizer } = await readTokenizerFolder(fixtures.path(about.tokenizer));
    const conversations = fixtures.text(conversationsFile).trimEnd().split('\n');
    for (const file of fixtures.list(folder).filter((name) => name.endsWith('.jinja'))) {
      const rows = `${folder}/${file.replace(/\.jinja$/, '.jsonl')}`;
      ledger.use(`${folder}/${file}`);
      await ledger.attempt(rows, 'read', () => {
        const template = new ChatTemplate(fixtures.text(`${folder}/${file}`), { now: () => new Date(about.now) });
        judgeTemplate(fixtures, ledger, rows, { template, tokenizer, about, conversations });
      });
    }
  },
};

interface TemplateCase {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  readonly about: About;
  readonly conversations: readonly string[];
}

/** Compares the rows of one template; the raw text of conversations is read, so no number and no order of keys is lost. */
function judgeTemplate(
  fixtures: ModelFixtures,
  ledger: Ledger,
  file: string,
  { template, tokenizer, about, conversations }: TemplateCase,
): void {
  for (const row of fixtures.lines<RenderingRow>(file)) {
    const input = readConversation(conversations[row.conversation]!, about);
    const check = (what: string, ours: unknown, theirs: unknown): void => {
      const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs)];
      const where = `conversation ${row.conversation}: ours ${a?.slice(-160)}, expected ${b?.slice(-160)}`;
      ledger.matches(file, what, 1, a === b ? [] : [where]);
    };
    if (row.error !== undefined) {
      const message = attempt(() => template.render(input));
      const raised = /^TemplateError: (.*)$/s.exec(row.error)?.[1];
      const isAsExpected = typeof message === 'string' && (raised === undefined || message.endsWith(`: ${raised}`));
      check('errors', isAsExpected ? row.error : message, row.error);
      continue;
    }
    const rendered = attempt(() => template.render(input));
    if (typeof rendered === 'string') {
      check('texts', rendered, row.text);
      continue;
    }
    check('texts', rendered.text, row.text);
    if (row.ids !== undefined) {
      const { tokens, lossMask } = encodeChat(tokenizer, rendered);
      check('ids', [...tokens], row.ids);
      const spans = rendered.generationSpans.map((span) => inCodePoints(rendered.text, span));
      check('generation spans', spans, row.generation_spans);
      check('masks', runs(lossMask), row.mask_runs_by_overlap ?? row.mask_runs);
    }
    if (row.ids_sanitized !== undefined) {
      const controlTokens = template.controlTokens(tokenizer.addedTokens);
      const sanitized = template.render({ ...input, controlTokens });
      check('texts of sanitised renderings', sanitized.text, row.text);
      check('sanitised ids', [...encodeChat(tokenizer, sanitized).tokens], row.ids_sanitized);
    }
  }
}

function readConversation(line: string, about: About): ChatTemplateInput {
  const parsed = readJson(line, { maxLength: 10_000_000, maxDepth: 100 });
  if (!parsed.ok || parsed.value.kind !== 'map')
    throw new Error('expected a JSON object in each line of conversations.jsonl');
  const { entries } = parsed.value;
  const { options } = JSON.parse(line) as { options: Readonly<Record<string, unknown>> };
  const { add_generation_prompt: isPrompt, continue_final_message: isContinued, ...variables } = options;
  return {
    messages: new Exact(entries.get('messages')!),
    tools: new Exact(entries.get('tools')!),
    addGenerationPrompt: isPrompt === true,
    continueFinalMessage: isContinued === true,
    variables: { ...about.extra_variables, ...variables },
  };
}

function attempt(render: () => RenderedChat): RenderedChat | string {
  try {
    return render();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** [start, end) of the runs of ones. */
function runs(mask: Uint8Array): [number, number][] {
  const found: [number, number][] = [];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const start = i;
    while (i < mask.length && mask[i] === 1) i += 1;
    found.push([start, i]);
  }
  return found;
}
