// Plays an episode script over an MCP server and prints the transcript: episode-command.ts SCRIPT.json [NAME=VALUE ...]
// $NAME in the script is replaced by VALUE. Exits 1 when a call does not end as the script's "expect" says.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { episodeScriptSchema, playEpisode } from './mcp-episode.js';

const [file, ...assignments] = process.argv.slice(2);
if (file === undefined) {
  console.error('expected a script: episode-command.ts SCRIPT.json [NAME=VALUE ...]');
  process.exit(2);
}
const values = new Map(
  assignments.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
);
const text = readFileSync(file, 'utf8').replace(/\$([A-Z]+)/g, (whole, name: string) => {
  const value = values.get(name);
  return value === undefined ? whole : JSON.stringify(value).slice(1, -1);
});
const { expect, script } = z
  .strictObject({ expect: z.array(z.string()), script: episodeScriptSchema })
  .parse(JSON.parse(text));
const results = await playEpisode(script, (line) => console.log(line));
const causes = results.map(({ isError, cause }) => (isError ? (cause ?? 'error') : 'ok'));
if (causes.join() !== expect.join()) {
  console.error(`\nexpected ${expect.join(', ')}\nreceived ${causes.join(', ')}`);
  process.exitCode = 1;
}
