import { openConversation } from '@parl-mt/environments';
import { environmentLimitsSchema, mcpServerConfigSchema, type Task, type ToolResult } from '@parl-mt/schema';
import { z } from 'zod';

/** An episode written down: what the user says, what the policy calls and answers. */
export const episodeScriptSchema = z.strictObject({
  mcp: mcpServerConfigSchema,
  limits: environmentLimitsSchema.prefault({}),
  turns: z.array(
    z.strictObject({
      user: z.string(),
      calls: z.array(z.strictObject({ name: z.string(), arguments: z.record(z.string(), z.unknown()).default({}) })),
      answer: z.string(),
    }),
  ),
});
export type EpisodeScript = z.infer<typeof episodeScriptSchema>;

/** Longest text of a result in the transcript; of a longer one the start is shown. */
const SHOWN_CHARACTERS = 1000;
const START_CHARACTERS = 60;

/**
 * Plays an episode over an MCP server, through the same guard and turns as every other episode.
 *
 * @param write - gets the transcript, line by line.
 * @returns every result, in order.
 */
export async function playEpisode(script: EpisodeScript, write: (line: string) => void): Promise<ToolResult[]> {
  const { mcp, limits, turns } = script;
  const task: Task = {
    id: 'episode',
    environment: 'mcp',
    category: 'transcript',
    involvedClasses: [],
    initialConfig: '{}',
    tools: [],
    turns: turns.map(({ user }) => ({ messages: [{ role: 'user', content: user }], groundTruth: [] })),
  };
  const maxCallsPerTurn = Math.max(1, ...turns.map(({ calls }) => calls.length));
  const conversation = openConversation(task, 1, { limits, maxCallsPerTurn, maxTurns: turns.length, mcp });
  const results: ToolResult[] = [];
  try {
    let opening = await conversation.begin();
    write(
      `tools: ${conversation
        .tools()
        .map(({ name }) => name)
        .join(', ')}`,
    );
    for (const { calls, answer } of turns) {
      for (const { content } of opening.messages) write(`\nuser: ${content}`);
      for (const { name, arguments: args } of calls) {
        const startedAt = performance.now();
        const { result } = await conversation.call({ name, arguments: JSON.stringify(args) });
        const milliseconds = (performance.now() - startedAt).toFixed(1);
        results.push(result);
        write(`  call ${name}(${JSON.stringify(args)})  [${milliseconds} ms]`);
        write(`    ${shown(result)}`);
      }
      write(`policy: ${answer}`);
      opening = await conversation.respond(answer);
    }
    write(`\nover: ${opening.isOver}`);
  } finally {
    await conversation.close();
  }
  return results;
}

function shown({ content, fault, cause, detail }: ToolResult): string {
  const text =
    content.length > SHOWN_CHARACTERS
      ? `${content.slice(0, START_CHARACTERS)}… (${content.length} characters)`
      : content;
  const blame = fault === undefined ? '' : `[fault ${fault}, cause ${cause}] `;
  const more = detail === undefined ? '' : `\n(${detail.split('\n')[0]})`;
  return `${blame}${text}${more}`.replaceAll('\n', '\n    ');
}
