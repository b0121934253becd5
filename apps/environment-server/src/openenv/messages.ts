import { z } from 'zod';

/** What clients of OpenEnv send: the contract of openenv 0.10, as its server code checks it. */
const seed = z.int().min(0).nullish();
const metadata = z.record(z.string(), z.unknown()).optional();

/** Arguments of a reset; unknown ones are dropped. `task_id`, `split` and `index` are ours. */
export const resetSchema = z.object({
  seed,
  episode_id: z.string().max(255).nullish(),
  task_id: z.string().nullish(),
  split: z.string().nullish(),
  index: z.int().min(0).nullish(),
});
export type ResetArguments = z.infer<typeof resetSchema>;

const listToolsSchema = z.strictObject({ type: z.literal('list_tools'), metadata });
const callToolSchema = z.strictObject({
  type: z.literal('call_tool').default('call_tool'),
  tool_name: z.string().min(1),
  arguments: z.record(z.string(), z.unknown()).default({}),
  metadata,
});

/** An action. One without a type is a call: typed clients leave out what has a default. */
export const actionSchema = z.union([listToolsSchema, callToolSchema]);
export type Action = z.infer<typeof actionSchema>;

export const stepBodySchema = z.object({
  action: z.record(z.string(), z.unknown()),
  timeout_s: z.number().positive().nullish(),
  request_id: z.string().max(255).nullish(),
});

/** Frames of the web socket, by type; keys besides these are refused. */
export const frameSchemas = {
  reset: z.strictObject({ type: z.literal('reset'), data: z.record(z.string(), z.unknown()).default({}) }),
  step: z.strictObject({ type: z.literal('step'), data: z.record(z.string(), z.unknown()) }),
  state: z.strictObject({ type: z.literal('state') }),
  close: z.strictObject({ type: z.literal('close') }),
  mcp: z.strictObject({ type: z.literal('mcp'), data: z.record(z.string(), z.unknown()) }),
} as const;
export type FrameType = keyof typeof frameSchemas;

/** JSON-RPC 2.0, no other keys. */
export const rpcRequestSchema = z.strictObject({
  jsonrpc: z.literal('2.0'),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).default({}),
  id: z.union([z.string(), z.int()]).nullish(),
});

/** One thing wrong with a body, as FastAPI words it. */
export interface BodyProblem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
}

/** What a client sent does not have its shape. */
export class BodyError extends Error {
  readonly problems: readonly BodyProblem[];

  constructor(problems: readonly BodyProblem[]) {
    super(problems.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '));
    this.problems = problems;
  }
}

/**
 * @param where - first parts of the location that problems name, such as "body".
 * @throws {BodyError}
 */
export function parseBody<T extends z.ZodType>(schema: T, value: unknown, where: readonly string[]): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BodyError(
    parsed.error.issues.map(({ code, path, message }) => ({
      type: code,
      loc: [...where, ...path.map((part) => (typeof part === 'symbol' ? part.toString() : part))],
      msg: message,
    })),
  );
}

/** @throws {BodyError} for text that is no JSON. */
export function parseJsonBody(text: string, where: readonly string[]): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BodyError([{ type: 'json_invalid', loc: where, msg: (error as Error).message }]);
  }
}
