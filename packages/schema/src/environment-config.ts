import { z } from 'zod';

/** Bounds on what a tool may cost an episode. The guard around every environment keeps them. */
export const environmentLimitsSchema = z.object({
  callTimeoutMs: z
    .number()
    .int()
    .min(1)
    .default(60_000)
    .describe('Time in milliseconds that one call may take; then it is cancelled and becomes an error result.'),
  resetTimeoutMs: z
    .number()
    .int()
    .min(1)
    .default(60_000)
    .describe('Time in milliseconds that starting an episode may take (a tool server has to start in it).'),
  episodeTimeoutMs: z
    .number()
    .int()
    .min(1)
    .default(600_000)
    .describe(
      'Time in milliseconds that all calls of one episode together may take; the time of the policy does not count.',
    ),
  maxResultBytes: z
    .number()
    .int()
    .min(256)
    .default(1_048_576)
    .describe('Longest result of a call in bytes of UTF-8; a longer one is cut and becomes an error result.'),
});
export type EnvironmentLimits = z.infer<typeof environmentLimitsSchema>;

const lifetime = z
  .enum(['episode', 'environment'])
  .default('episode')
  .describe(
    'episode: a fresh server process or session per episode; environment: one for all, its state carries over.',
  );

const toolErrorFault = z
  .enum(['policy', 'environment'])
  .default('policy')
  .describe(
    'Who is to blame where a tool reports an error: the protocol does not tell a refused call from a tool that broke.',
  );

/** A Model Context Protocol server whose tools make an environment. */
export const mcpServerConfigSchema = z
  .discriminatedUnion('transport', [
    z.strictObject({
      transport: z.literal('stdio').describe('A program that speaks over its standard input and output.'),
      command: z.string().min(1).describe('Program to start; looked up on the PATH, no shell.'),
      args: z
        .array(z.string())
        .default([])
        .describe('Arguments. {workspace} is the folder of the episode, {seed} its seed.'),
      env: z
        .record(z.string().min(1), z.string())
        .default({})
        .describe('Environment variables besides HOME, LOGNAME, PATH, SHELL, TERM and USER; placeholders as in args.'),
      cwd: z
        .string()
        .min(1)
        .optional()
        .describe('Folder that the program starts in; placeholders as in args. Absent: that of this process.'),
      workspace: z.string().min(1).optional().meta({
        description:
          'Folder that every episode gets a fresh temporary copy of as {workspace}. Absent: an empty folder, where used.',
        'x-input': 'path',
      }),
      lifetime,
      toolErrorFault,
    }),
    z.strictObject({
      transport: z.literal('http').describe('A server that is running already (streamable HTTP).'),
      url: z.url({ protocol: /^https?$/ }).describe('Address of the endpoint, such as http://127.0.0.1:8000/mcp.'),
      headers: z
        .record(z.string().min(1), z.string())
        .default({})
        .describe('Headers of every request, such as Authorization.'),
      lifetime,
      toolErrorFault,
    }),
  ])
  .describe('MCP server whose tools make the environment.');
export type McpServerConfig = z.infer<typeof mcpServerConfigSchema>;
export type McpStdioConfig = Extract<McpServerConfig, { transport: 'stdio' }>;
export type McpHttpConfig = Extract<McpServerConfig, { transport: 'http' }>;
