import { fileURLToPath } from 'node:url';
import { createEnvironmentServer } from '@parl-mt/environment-server';
import {
  BfclEnvironment,
  type Environment,
  GuardedEnvironment,
  McpEnvironment,
  synthesizeTasks,
} from '@parl-mt/environments';
import {
  environmentServerConfigSchema,
  mcpServerConfigSchema,
  parseClosed,
  synthesisConfigSchema,
  type Task,
} from '@parl-mt/schema';
import { WebSocket } from 'ws';

/** Medians in microseconds. */
export interface ServedCost {
  readonly way: string;
  readonly resetUs: number;
  readonly callUs: number;
  readonly rounds: number;
}

const synthesis = { tasks: 4, minTurns: 2, maxTurns: 2, distractorTools: 50, classes: ['GorillaFileSystem'] };
const call = { name: 'ls', arguments: '{}' };

/**
 * What a reset and a call (`ls` in a small file system) cost on each way to the same world. The bare world and the guarded one
 * take turns, so that a busy machine slows both.
 *
 * @param rounds - resets and calls per way; a way over a process start takes a twentieth of the resets.
 */
export async function measureServedCost(rounds: number): Promise<ServedCost[]> {
  const { task } = synthesizeTasks(synthesisConfigSchema.parse(synthesis))[0]!;
  const bare = new BfclEnvironment();
  const guarded = new GuardedEnvironment(new BfclEnvironment());
  const ways: [string, Environment][] = [
    ['in process, bare', bare],
    ['in process, guarded', guarded],
  ];
  const times = ways.map(() => ({ reset: [] as number[], call: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, world]] of ways.entries()) {
      times[index]!.reset.push(await timed(() => world.reset(task, 1)));
      times[index]!.call.push(await timed(() => world.call(call)));
    }
  }
  const inProcess = ways.map(([way], index) => ({
    way,
    resetUs: median(times[index]!.reset),
    callUs: median(times[index]!.call),
    rounds,
  }));
  return [...inProcess, await overWebSocket(rounds), await overMcpStdio(rounds)];
}

export function formatServedCost(costs: readonly ServedCost[]): string {
  const lines = costs.map(({ way, resetUs, callUs, rounds }) =>
    [way.padEnd(28), resetUs.toFixed(1).padStart(12), callUs.toFixed(1).padStart(10), String(rounds).padStart(8)].join(
      '',
    ),
  );
  return ['median microseconds                reset      call  rounds', ...lines].join('\n');
}

async function overWebSocket(rounds: number): Promise<ServedCost> {
  const config = parseClosed(environmentServerConfigSchema, { port: 0, synthesis }, 'options');
  await using server = await createEnvironmentServer({ config, version: '0.0.0', cwd: '.' });
  const address = await server.listen();
  const socket = new WebSocket(`${address.replace('http', 'ws')}/ws`);
  await new Promise((resolve) => socket.once('open', resolve));
  const ask = (message: object) =>
    new Promise<void>((resolve) => {
      socket.once('message', () => resolve());
      socket.send(JSON.stringify(message));
    });
  const step = { type: 'step', data: { type: 'call_tool', tool_name: 'ls', arguments: {} } };
  const times = { reset: [] as number[], call: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.reset.push(await timed(() => ask({ type: 'reset', data: {} })));
    // The step limit of a turn is 50 calls: a reset a round keeps below it.
    times.call.push(await timed(() => ask(step)));
  }
  socket.terminate();
  return { way: 'env serve, WebSocket', resetUs: median(times.reset), callUs: median(times.call), rounds };
}

/** Our own MCP server in a process of its own, through our own MCP client: a reset starts the process. */
async function overMcpStdio(rounds: number): Promise<ServedCost> {
  const cli = fileURLToPath(new URL('../../../apps/cli/bin/parl-mt.mjs', import.meta.url));
  const options = Object.entries({
    'synthesis.tasks': 4,
    'synthesis.min-turns': 2,
    'synthesis.max-turns': 2,
    'synthesis.distractor-tools': 50,
    'synthesis.classes': 'GorillaFileSystem',
    'max-calls-per-turn': 1_000_000,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const world = new GuardedEnvironment(
    new McpEnvironment(
      mcpServerConfigSchema.parse({
        transport: 'stdio',
        command: process.execPath,
        args: [cli, 'env', 'serve', '--protocol', 'mcp', '--transport', 'stdio', ...options],
      }),
    ),
  );
  const task: Task = {
    id: 'cost',
    environment: 'mcp',
    category: 'cost',
    involvedClasses: [],
    initialConfig: '{}',
    tools: [],
    turns: [{ messages: [], groundTruth: [] }],
  };
  const times = { reset: [] as number[], call: [] as number[] };
  try {
    for (let reset = 0; reset < Math.max(3, rounds / 200); reset++)
      times.reset.push(await timed(() => world.reset(task, 1)));
    for (let round = 0; round < rounds; round++) {
      times.call.push(
        await timed(async () => {
          const { isError, content } = await world.call(call);
          if (isError) throw new Error(content);
        }),
      );
    }
  } finally {
    await world.close();
  }
  return { way: 'MCP stdio, both ends ours', resetUs: median(times.reset), callUs: median(times.call), rounds };
}

async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  const result = work();
  // Awaiting what is no promise would put a turn of the queue into the time.
  if (result instanceof Promise) await result;
  return (performance.now() - startedAt) * 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
