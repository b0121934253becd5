import type { ArgumentTrace, CallTrace, SynthesizedTask } from '@parl-mt/environments';
import type { ToolSpec } from '@parl-mt/schema';

/** A task written by hand for tests: two calls, one call, then one call that needs the id which only a result told. */
export function exampleTask(id: string, ticketId = 3): SynthesizedTask {
  const trace = [
    {
      userMessage: 'Make a folder docs and go into it.',
      calls: [
        call('GorillaFileSystem', 'mkdir', [stated('dir_name', 'docs')], 'None', { directory: '' }),
        call('GorillaFileSystem', 'cd', [stated('folder', 'docs')], '{"current_working_directory": "docs"}', {
          directory: 'docs',
        }),
      ],
      turnMessages: ['Created docs.', 'You are in docs.'],
    },
    {
      userMessage: "Open a ticket 'printer delay'.",
      calls: [
        call(
          'TicketAPI',
          'create_ticket',
          [stated('title', 'printer delay')],
          `{"id": ${ticketId}, "title": "printer delay", "status": "Open"}`,
          { answers: [String(ticketId)] },
        ),
      ],
      turnMessages: [`Ticket ${ticketId} is open.`],
    },
    {
      userMessage: "Resolve the ticket you opened with 'replaced the cable'.",
      calls: [
        call(
          'TicketAPI',
          'resolve_ticket',
          [
            {
              name: 'ticket_id',
              value: { number: String(ticketId) },
              text: String(ticketId),
              provenance: {
                kind: 'result',
                phrase: 'the ticket you opened',
                entity: 'ticket',
                literal: String(ticketId),
                turn: 1,
                call: 0,
              },
            },
            stated('resolution', 'replaced the cable'),
          ],
          '{"status": "Ticket resolved by amara"}',
        ),
      ],
      turnMessages: ['Resolved it.'],
    },
  ] as const;
  return {
    task: {
      id,
      environment: 'bfcl',
      category: 'synthetic',
      involvedClasses: ['GorillaFileSystem', 'TicketAPI'],
      initialConfig: '{}',
      tools: [
        tool('mkdir', ['dir_name']),
        tool('cd', ['folder']),
        tool('create_ticket', ['title']),
        tool('resolve_ticket', ['ticket_id', 'resolution']),
      ],
      turns: trace.map(({ userMessage, calls }) => ({
        messages: [{ role: 'user', content: userMessage }],
        groundTruth: calls.map(({ call: callText }) => callText),
      })),
    },
    trace,
    references: { eligible: 1, referred: 1 },
  };
}

function tool(name: string, parameters: readonly string[]): ToolSpec {
  const properties = Object.fromEntries(parameters.map((parameter) => [parameter, { type: 'string' }]));
  return { name, description: '', parameters: { type: 'object', properties, required: [...parameters] } };
}

function stated(name: string, value: string): ArgumentTrace {
  return { name, value, text: `'${value}'`, provenance: { kind: 'stated', phrase: value } };
}

function call(
  className: string,
  method: string,
  args: readonly ArgumentTrace[],
  result: string,
  extra: { readonly answers?: readonly string[]; readonly directory?: string } = {},
): CallTrace {
  return {
    className,
    method,
    call: `${method}(${args.map(({ name, text }) => `${name}=${text}`).join(', ')})`,
    arguments: args,
    result,
    answers: extra.answers ?? [],
    changesState: true,
    ...(extra.directory === undefined ? {} : { directory: extra.directory }),
  };
}
