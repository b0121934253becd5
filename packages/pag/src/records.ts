import { readFile } from 'node:fs/promises';
import { renderAwareness, renderCallText, renderCompletion, segmentsToText } from '@parl-mt/chat';
import { ConfigError, type Message, type PagRecord, pagRecordSchema, UsageError } from '@parl-mt/schema';

/**
 * Reads records that `buildPagDataset` wrote.
 *
 * @throws {UsageError} if the file cannot be read.
 * @throws {ConfigError} naming file, line, field and what was expected there.
 */
export async function readPagRecords(path: string): Promise<PagRecord[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`expected a JSONL file of PAG records at ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [parseRecord(line, `${path}:${index + 1}`)]));
}

function parseRecord(line: string, where: string): PagRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ConfigError(`${where}: expected one JSON object per line, received ${line.slice(0, 60)}`, {
      cause: error,
    });
  }
  const parsed = pagRecordSchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(record)'}: ${message}`);
    throw new ConfigError(`${where}: expected a PAG record: ${problems.join('; ')}`);
  }
  return parsed.data;
}

/** A message of the chat-format export; `loss` says whether training learns it. */
export interface SftMessage {
  readonly role: Message['role'];
  readonly content: string;
  readonly loss: boolean;
}

/**
 * A record as a chat: the context of awareness mode, then the target with loss. Assistant content is the text that the
 * policy writes, special tokens included and without the final `<|end|>`, which a chat template adds.
 */
export function sftRow(
  record: PagRecord,
): Readonly<Record<string, unknown>> & { readonly messages: readonly SftMessage[] } {
  const system = record.historyMessages.filter(({ role }) => role === 'system');
  const context = [...system, ...record.contextMessages].map(
    (message): SftMessage => ({ role: message.role, content: chatContent(message), loss: false }),
  );
  const target = withoutEnd(
    segmentsToText(
      renderCompletion({
        awareness: record.awareness,
        callTexts: record.targetCalls,
        message: record.targetMessage,
      }),
    ),
  );
  return {
    task_id: record.taskId,
    turn: record.turn,
    step: record.step,
    split: record.split,
    messages: [...context, { role: 'assistant', content: target, loss: true }],
  };
}

function chatContent(message: Message): string {
  if (message.role !== 'assistant') {
    return message.content;
  }
  const awareness = message.awareness === undefined ? '' : segmentsToText(renderAwareness(message.awareness));
  const calls = (message.toolCalls ?? []).map((call) => `<tool_call>${renderCallText(call)}</tool_call>`);
  return awareness + (calls.length > 0 ? calls.join('') : message.content);
}

function withoutEnd(completion: string): string {
  return completion.slice(0, completion.lastIndexOf('<|end|>'));
}
