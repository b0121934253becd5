import { GgufFile, readGgufTokenizer, readTokenizerFolder, Tokenizer } from '@parl-mt/policy';
import type { Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';

interface EncodingRow {
  readonly text: string;
  readonly ids: readonly number[];
  readonly ids_special: readonly number[];
  readonly tokens: readonly string[];
  readonly offsets: readonly (readonly [number, number])[];
  readonly decoded: string;
  readonly decoded_skip: string;
}

interface DecodingRow {
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decoded_skip: string;
}

/** Folders with a `tokenizer.json`, texts with their ids, and ids with their texts. */
export const tokenizers: ModelSection = {
  name: 'tokenizers',
  async run(fixtures, ledger) {
    for (const name of fixtures.folders('tokenizers')) {
      const folder = `tokenizers/${name}`;
      await ledger.attempt(`${folder}/tokenizer.json`, 'load', async () => {
        const { tokenizer } = await readTokenizerFolder(fixtures.path(folder));
        ledger.use(`${folder}/tokenizer.json`, `${folder}/tokenizer_config.json`, `${folder}/special_tokens_map.json`);
        judgeTokenizer(fixtures, ledger, folder, tokenizer, '');
        const older = `${folder}/tokenizer_config.v4.json`;
        if (!fixtures.has(older)) return;
        ledger.use(older);
        const again = new Tokenizer(fixtures.json(`${folder}/tokenizer.json`), fixtures.json(older));
        judgeTokenizer(fixtures, ledger, folder, again, ' (config of transformers 4)');
      });
    }
    for (const name of fixtures.list('gguf')) {
      if (!/-tokenizer\..*gguf$/.test(name)) continue;
      await ledger.attempt(`gguf/${name}`, 'tokenizer', () => judgeGgufTokenizer(fixtures, ledger, `gguf/${name}`));
    }
  },
};

/** A file with the vocabulary of one of the folders: texts have the ids that the folder's tokenizer gives. */
async function judgeGgufTokenizer(fixtures: ModelFixtures, ledger: Ledger, file: string): Promise<void> {
  await using gguf = await GgufFile.open(fixtures.path(file));
  const { tokenizer } = readGgufTokenizer(gguf);
  const folder = gguf.text('general.architecture') === 'qwen2' ? 'tokenizers/qwen2' : 'tokenizers/llama3';
  if (!fixtures.has(`${folder}/expected.jsonl`)) return;
  const rows = fixtures.lines<EncodingRow>(`${folder}/expected.jsonl`);
  const check = (what: string, ours: (i: number) => unknown, theirs: (row: EncodingRow) => unknown): void =>
    ledger.matches(file, what, rows.length, differences(rows, ours, theirs));
  check(
    'ids of texts',
    (i) => tokenizer.tokenize(rows[i]!.text).ids,
    (row) => row.ids,
  );
  check(
    'ids with special tokens',
    (i) => tokenizer.withSpecialTokens(tokenizer.tokenize(rows[i]!.text).ids),
    (row) => row.ids_special,
  );
  check(
    'decoded',
    (i) => tokenizer.decode(rows[i]!.ids_special, { skipSpecialTokens: true }),
    (row) => row.decoded_skip,
  );
}

function judgeTokenizer(
  fixtures: ModelFixtures,
  ledger: Ledger,
  folder: string,
  tokenizer: Tokenizer,
  suffix: string,
): void {
  const file = `${folder}/expected.jsonl`;
  if (fixtures.has(file)) {
    const rows = fixtures.lines<EncodingRow>(file);
    const encoded = rows.map(({ text }) => tokenizer.tokenize(text));
    const check = (what: string, ours: (i: number) => unknown, theirs: (row: EncodingRow) => unknown): void =>
      ledger.matches(file, what + suffix, rows.length, differences(rows, ours, theirs));
    check(
      'ids',
      (i) => encoded[i]!.ids,
      (row) => row.ids,
    );
    check(
      'ids with special tokens',
      (i) => tokenizer.withSpecialTokens(encoded[i]!.ids),
      (row) => row.ids_special,
    );
    check(
      'tokens',
      (i) => encoded[i]!.tokens,
      (row) => row.tokens,
    );
    check(
      'offsets',
      (i) => encoded[i]!.offsets.map((offset) => inCodePoints(rows[i]!.text, offset)),
      (row) => row.offsets,
    );
    check(
      'decoded',
      (i) => tokenizer.decode(rows[i]!.ids_special),
      (row) => row.decoded,
    );
    check(
      'decoded without special tokens',
      (i) => tokenizer.decode(rows[i]!.ids_special, { skipSpecialTokens: true }),
      (row) => row.decoded_skip,
    );
  }
  const decoding = `${folder}/decode.jsonl`;
  if (fixtures.has(decoding)) {
    const rows = fixtures.lines<DecodingRow>(decoding);
    ledger.matches(
      decoding,
      `decoded${suffix}`,
      rows.length,
      differences(
        rows,
        (i) => tokenizer.decode(rows[i]!.ids),
        (row) => row.decoded,
      ),
    );
    ledger.matches(
      decoding,
      `decoded without special tokens${suffix}`,
      rows.length,
      differences(
        rows,
        (i) => tokenizer.decode(rows[i]!.ids, { skipSpecialTokens: true }),
        (row) => row.decoded_skip,
      ),
    );
  }
}

/** One line for each row whose two values differ. */
export function differences<T>(
  rows: readonly T[],
  ours: (index: number) => unknown,
  theirs: (row: T) => unknown,
): string[] {
  return rows.flatMap((row, i) => {
    const [a, b] = [JSON.stringify(ours(i)), JSON.stringify(theirs(row))];
    return a === b ? [] : [`line ${i + 1}: ours ${a?.slice(0, 120)}, expected ${b?.slice(0, 120)}`];
  });
}

/** A range of UTF-16 units in code points. */
export function inCodePoints(text: string, [start, end]: readonly [number, number]): [number, number] {
  const count = (to: number): number => [...text.slice(0, to)].length;
  return [count(start), count(end)];
}
