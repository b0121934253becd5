import { recordCompletion, renderRecordPrompt } from '@parl-mt/pag';
import { type TokenizerJson, trainBpe } from '@parl-mt/policy';
import type { PagRecord } from '@parl-mt/schema';

/** Trains a tokenizer on what the policy will read and write: prompts and completions of the records. */
export function trainDatasetTokenizer(records: readonly PagRecord[], vocabSize: number): TokenizerJson {
  return trainBpe(corpus(records), { vocabSize });
}

function* corpus(records: readonly PagRecord[]): Generator<string> {
  for (const record of records) {
    const prompt = renderRecordPrompt(record, 'awareness');
    const segments = [...(prompt.ok ? prompt.segments : []), ...recordCompletion(record, 'awareness')];
    for (const segment of segments) {
      if (segment.kind === 'text') yield segment.text;
    }
  }
}
