/** JSON Schemas of `/schema`. The title of `action` is what makes other tools ask for list_tools. */
const text = { type: 'string' };
const anyObject = { type: 'object', additionalProperties: true };
const message = { type: 'object', properties: { role: text, content: text }, required: ['role', 'content'] };
const tool = {
  type: 'object',
  properties: { name: text, description: text, input_schema: anyObject },
  required: ['name', 'description', 'input_schema'],
};
const listOf = (items: object) => ({ type: 'array', items });
const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });

export const schemas = {
  action: {
    title: 'CallToolAction',
    description:
      'Call a function of the world, or respond to the user. {"type": "list_tools"} lists what there is. The arguments of respond are {"message": text}.',
    type: 'object',
    properties: {
      type: { const: 'call_tool', default: 'call_tool' },
      tool_name: { ...text, minLength: 1, description: 'Name of the function; "respond" ends the turn.' },
      arguments: { ...anyObject, default: {}, description: 'Arguments by name.' },
      metadata: anyObject,
    },
    required: ['tool_name'],
    additionalProperties: false,
  },
  observation: {
    title: 'CallToolObservation',
    type: 'object',
    properties: {
      tool_name: text,
      result: {
        description:
          'What the function says, failures included: a text. Of respond: {turn, messages, revealed_tools?, is_over}.',
      },
      error: orNull({
        type: 'object',
        description: 'What went wrong around the function.',
        properties: {
          error_type: {
            enum: ['execution_error', 'invalid_args', 'transport_error', 'tool_not_found', 'timeout'],
          },
          message: text,
        },
        required: ['error_type', 'message'],
      }),
      tools: { ...listOf(tool), description: 'Answer to list_tools alone.' },
    },
  },
  reset_observation: {
    title: 'EpisodeObservation',
    type: 'object',
    properties: {
      task_id: text,
      split: text,
      turn: { type: 'integer', minimum: 0 },
      turns: orNull({ type: 'integer', description: 'Turns of the task; null where the user decides.' }),
      messages: { ...listOf(message), description: 'What the user says; may be empty.' },
      available_tools: listOf(tool),
      instructions: { ...text, description: 'What a system prompt should say; absent where there is nothing.' },
    },
    required: ['task_id', 'split', 'turn', 'turns', 'messages', 'available_tools'],
  },
  state: {
    title: 'State',
    type: 'object',
    properties: {
      episode_id: orNull(text),
      step_count: { type: 'integer', minimum: 0 },
      task_id: text,
      split: text,
      turn: { type: 'integer', minimum: 0 },
      turns: orNull({ type: 'integer' }),
      done: { type: 'boolean' },
    },
    required: ['episode_id', 'step_count'],
  },
} as const;

const frame = (observation: object) => ({
  type: 'object',
  properties: {
    observation,
    reward: orNull({ type: 'number' }),
    done: { type: 'boolean' },
    metadata: anyObject,
  },
  required: ['observation', 'reward', 'done'],
});

const problems = {
  type: 'object',
  properties: { detail: { description: 'A list of {type, loc, msg}, or a text.' } },
  required: ['detail'],
};

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const answers = (description: string, schema: object, ...refusals: readonly number[]) => ({
  responses: Object.fromEntries([
    ['200', { description, ...json(schema) }],
    ...[...refusals, 403].map((status) => [String(status), { description: refusalTexts[status], ...json(problems) }]),
  ]),
});
const refusalTexts: Readonly<Record<number, string>> = {
  400: 'There is no such index.',
  403: 'The Host or Origin header names another place.',
  404: 'There is no such environment.',
  413: 'The body is too long.',
  415: 'The body is no JSON.',
  422: 'The body does not have its shape, or names a task that there is not.',
  500: 'The world failed.',
  503: 'Every session is taken.',
};
const body = (schema: object, required: boolean) => ({ requestBody: { required, ...json(schema) } });

const resetBody = (splits: readonly string[]) => ({
  type: 'object',
  properties: {
    seed: orNull({ type: 'integer', minimum: 0, description: 'Picks a task of the split, and feeds the world.' }),
    episode_id: orNull({ type: 'string', maxLength: 255 }),
    task_id: orNull({ ...text, description: 'One of the tasks of /{name}/tasks.' }),
    split: orNull({ enum: splits }),
    index: orNull({ type: 'integer', minimum: 0, description: 'Below the number of tasks of the split.' }),
  },
});
const listTools = {
  type: 'object',
  properties: { type: { const: 'list_tools' }, metadata: anyObject },
  required: ['type'],
  additionalProperties: false,
};
const stepBody = {
  type: 'object',
  properties: {
    action: { oneOf: [schemas.action, listTools] },
    timeout_s: orNull({ type: 'number', exclusiveMinimum: 0 }),
    request_id: orNull({ type: 'string', maxLength: 255 }),
  },
  required: ['action'],
};
const splitBody = (more: object = {}, required: readonly string[] = []) => ({
  type: 'object',
  properties: { split: text, ...more },
  required: ['split', ...required],
});
const index = { type: 'integer' };
const environmentName = { name: 'name', in: 'path', required: true, schema: text };

/**
 * The OpenAPI document. Its version is that of the protocol: clients read "1." as the profile they know.
 *
 * @param description - of the environment.
 * @param splits - their names.
 */
export function openApiDocument(description: string, splits: readonly string[]): object {
  const taskRoute = (summary: string, requestSchema: object, answer: object, ...refusals: readonly number[]) => ({
    post: {
      summary,
      parameters: [environmentName],
      ...body(requestSchema, true),
      ...answers(summary, answer, 404, 413, 415, 422, ...refusals),
    },
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'PARL-MT environments',
      version: '1.0.0',
      description: `${description} Each HTTP reset, step or state has a fresh world of its own; an episode lives on the web socket /ws.`,
    },
    paths: {
      '/health': { get: { summary: 'Whether the server works.', ...answers('Its status.', anyObject) } },
      '/metadata': { get: { summary: 'What is served.', ...answers('Name and description.', anyObject) } },
      '/schema': { get: { summary: 'Shapes of actions and observations.', ...answers('JSON Schemas.', anyObject) } },
      '/state': { get: { summary: 'State of a fresh world.', ...answers('State.', schemas.state) } },
      '/reset': {
        post: {
          summary: 'How an episode would begin.',
          ...body(resetBody(splits), false),
          ...answers('First observation.', frame(schemas.reset_observation), 413, 415, 422, 500, 503),
        },
      },
      '/step': {
        post: {
          summary: 'One action in a fresh world.',
          ...body(stepBody, true),
          ...answers('What it led to.', frame(schemas.observation), 413, 415, 422, 500, 503),
        },
      },
      '/mcp': {
        post: {
          summary: 'JSON-RPC: tools/list, tools/call, openenv/session/create, openenv/session/close.',
          // A request without one is answered too: by a JSON-RPC error.
          ...body({}, false),
          ...answers('A result or an error, with the id of the request.', anyObject, 413, 415),
        },
      },
      '/list_environments': { get: { summary: 'Names of environments.', ...answers('Names.', listOf(text)) } },
      '/{name}/splits': {
        get: {
          summary: 'Splits of the tasks.',
          parameters: [environmentName],
          ...answers('Splits.', listOf({ type: 'object', properties: { name: text, type: text } }), 404),
        },
      },
      '/{name}/tasks': taskRoute('Tasks of a split.', splitBody(), anyObject),
      '/{name}/num_tasks': taskRoute('Number of tasks.', splitBody(), anyObject),
      '/{name}/task': taskRoute('One task.', splitBody({ index }, ['index']), anyObject, 400),
      '/{name}/task_range': taskRoute(
        'Tasks from start to stop.',
        splitBody({ start: orNull(index), stop: orNull(index) }),
        anyObject,
      ),
    },
  };
}
