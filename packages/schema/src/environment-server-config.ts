import { z } from 'zod';
import { closeSchema } from './closed-schema.js';
import { environmentLimitsSchema, mcpServerConfigSchema } from './environment-config.js';
import { synthesisConfigSchema } from './pag-config.js';
import { tauBenchConfigSchema } from './tau-bench-config.js';
import { faultRateSchema } from './training-config.js';

/** `env serve`: environments for other trainers and agents. */
export const environmentServerConfigSchema = closeSchema(
  z.object({
    protocol: z
      .enum(['openenv', 'mcp'])
      .default('openenv')
      .describe('openenv: reset, step and state over HTTP and WebSocket; mcp: the same tools for any MCP client.'),
    transport: z
      .enum(['http', 'stdio'])
      .default('http')
      .describe('stdio: one client over standard input and output; protocol mcp only.'),
    benchmark: z
      .enum(['synthetic', 'bfcl', 'tau-bench', 'mcp'])
      .default('synthetic')
      .meta({ description: 'Where tasks and tools come from; mcp: a server of section mcp.', 'x-flag': 'benchmark' }),
    synthesis: synthesisConfigSchema.prefault({ tasks: 200 }),
    bfclPath: z.string().min(1).optional().meta({
      description: 'Folder of the BFCL multi-turn data. Absent: what "parl-mt data bfcl" keeps.',
      'x-flag': 'bfcl',
      'x-input': 'path',
    }),
    categories: z.array(z.string().min(1)).min(1).default(['base']).describe('BFCL categories; each is a split.'),
    tauBenchPath: z.string().min(1).optional().meta({
      description: 'Folder of the tau-bench data. Absent: what "parl-mt data tau-bench" keeps.',
      'x-flag': 'tau-bench',
      'x-input': 'path',
    }),
    tauBench: tauBenchConfigSchema.pick({ domain: true, split: true, user: true }).prefault({}),
    mcp: mcpServerConfigSchema.optional(),
    tasksPath: z.string().min(1).optional().meta({
      description: 'JSON lines file of tasks for benchmark mcp; without it there is one task without a user.',
      'x-flag': 'tasks-file',
      'x-input': 'path',
    }),
    reward: z
      .enum(['success', 'progress'])
      .default('success')
      .describe('success: 1 where the checker accepts the episode, else 0; progress: the share of turns passed.'),
    limits: environmentLimitsSchema.prefault({}),
    faultRate: faultRateSchema.meta({ 'x-flag': 'fault-rate' }),
    delay: z
      .object({
        functions: z.array(z.string().min(1)).default([]).describe('Functions that answer late; none by default.'),
        ms: z.number().int().min(0).default(4000).describe('How much later, in milliseconds.'),
      })
      .prefault({})
      .describe('Slow functions, as real services have them: to see what a trainer does about time-outs.'),
    maxCallsPerTurn: z
      .number()
      .int()
      .min(1)
      .default(50)
      .describe(
        'Calls of one turn; the next one ends the episode (the official BFCL limit is 20 steps of any number of calls).',
      ),
    maxTurns: z
      .number()
      .int()
      .min(1)
      .default(30)
      .describe('Answers of the policy after which an episode ends whose user decides when it is over (tau-bench).'),
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z.number().int().min(0).max(65535).default(8430).describe('Port to listen on; 0 picks a free one.'),
    allowRemoteWithoutAuthentication: z
      .boolean()
      .default(false)
      .describe(
        'Permit an address other than loopback. There is no authentication: whoever reaches the port calls tools.',
      ),
    allowedHosts: z
      .array(z.string().min(1))
      .default([])
      .describe('Names besides loopback that the Host and Origin headers may carry (guards against DNS rebinding).'),
    maxSessions: z
      .number()
      .int()
      .min(1)
      .default(256)
      .describe('Episodes at once: as many as one generation batch of the trainer has rollouts. One more is refused.'),
    maxMessageBytes: z.number().int().min(1024).default(1_048_576).describe('Longest request or frame in bytes.'),
    idleTimeoutMs: z
      .number()
      .int()
      .min(1)
      .default(1_800_000)
      .describe('Silence of a client in milliseconds after which its episode is closed.'),
    shutdownGraceMs: z
      .number()
      .int()
      .min(0)
      .default(5000)
      .describe('Time in milliseconds that calls in progress get when the server stops.'),
  }),
)
  .superRefine((config, context) => {
    const need = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (config.benchmark === 'mcp' && config.mcp === undefined) {
      need('mcp', 'expected an MCP server with benchmark "mcp", such as --mcp.transport stdio --mcp.command PROGRAM');
    }
    if (config.transport === 'stdio' && config.protocol === 'openenv') {
      need('transport', 'expected http with protocol "openenv", received stdio');
    }
  })
  .describe('Serve environments to other trainers and agents: OpenEnv over HTTP and WebSocket, or MCP.');
export type EnvironmentServerConfig = z.infer<typeof environmentServerConfigSchema>;
