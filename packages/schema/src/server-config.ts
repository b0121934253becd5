import { z } from 'zod';
import { closeSchema } from './closed-schema.js';

/** `serve`: the HTTP server. */
export const serverConfigSchema = closeSchema(
  z.object({
    dataDir: z
      .string()
      .min(1)
      .default('runs/server')
      .meta({ description: 'Folder of the run database and of one folder per run.', 'x-flag': 'data' }),
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z.number().int().min(0).max(65535).default(8420).describe('Port to listen on; 0 picks a free one.'),
    allowRemoteWithoutAuthentication: z
      .boolean()
      .default(false)
      .describe(
        'Permit an address other than loopback. There is no authentication: whoever reaches the port runs jobs.',
      ),
    allowedHosts: z
      .array(z.string().min(1))
      .default([])
      .describe('Names besides loopback that the Host header may carry (guards against DNS rebinding).'),
    inputRoots: z
      .array(z.string().min(1))
      .default([])
      .describe('Folders besides dataDir that input paths of a request may point into.'),
    maxBodyBytes: z.number().int().min(1024).default(262_144).describe('Longest request body in bytes.'),
    cancelGraceMs: z
      .number()
      .int()
      .min(0)
      .default(30_000)
      .describe('Time in milliseconds that a cancelled run gets to save before it is killed.'),
  }),
).describe('Serve runs over HTTP on this machine.');
export type ServerConfig = z.infer<typeof serverConfigSchema>;
