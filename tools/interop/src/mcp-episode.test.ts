import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { episodeScriptSchema, playEpisode } from './mcp-episode.js';
import { formatServedCost } from './served-cost.js';

test('an episode is played turn by turn, and its transcript says what was called and what came back', async () => {
  const script = episodeScriptSchema.parse({
    mcp: {
      transport: 'stdio',
      command: process.execPath,
      args: [fileURLToPath(new URL('./notes-server.testing.mjs', import.meta.url))],
    },
    turns: [
      { user: 'Note this.', calls: [{ name: 'write', arguments: { note: 'lamp\nmug' } }], answer: 'Noted.' },
      {
        user: 'Read it.',
        calls: [
          { name: 'read', arguments: { number: 0 } },
          { name: 'read', arguments: { number: 7 } },
        ],
        answer: 'Lamp and mug.',
      },
    ],
  });
  const lines: string[] = [];
  const results = await playEpisode(script, (line) => void lines.push(line));
  expect(results.map(({ content }) => content)).toEqual(['1', 'lamp\nmug', 'no such note']);
  const transcript = lines.join('\n').replaceAll(/\[[\d.]+ ms\]/g, '[time]');
  expect(transcript).toBe(`tools: write, read

user: Note this.
  call write({"note":"lamp\\nmug"})  [time]
    1
policy: Noted.

user: Read it.
  call read({"number":0})  [time]
    lamp
    mug
  call read({"number":7})  [time]
    [fault policy, cause tool_error] no such note
policy: Lamp and mug.

over: true`);
});

test('costs are printed in columns', () => {
  const text = formatServedCost([{ way: 'in process', resetUs: 12.34, callUs: 5, rounds: 100 }]);
  expect(text.split('\n')[1]).toBe('in process                          12.3       5.0     100');
});
