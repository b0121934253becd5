import { synthesisConfigSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { taskFingerprint } from './fingerprint.js';
import { containsLiteral, earlyReveals, unrecoverableArguments } from './recoverability.js';
import { synthesizeTasks } from './synthesize.js';
import { argumentLiterals, argumentText, type CallTrace, type SynthesizedTask, type TurnTrace } from './trace.js';
import { formatValidity, validityReport } from './validity.js';

const tasks = synthesizeTasks(synthesisConfigSchema.parse({ tasks: 40, seed: 9 }));

const createTicket: CallTrace = {
  className: 'TicketAPI',
  method: 'create_ticket',
  call: "create_ticket(title='printer delay')",
  arguments: [
    {
      name: 'title',
      value: 'printer delay',
      text: "'printer delay'",
      provenance: { kind: 'stated', phrase: "'printer delay'" },
    },
  ],
  result: '{"id": 742, "title": "printer delay"}',
  answers: ['742'],
  changesState: true,
};

const closeTicket: CallTrace = {
  className: 'TicketAPI',
  method: 'close_ticket',
  call: 'close_ticket(ticket_id=742)',
  arguments: [
    {
      name: 'ticket_id',
      value: { number: '742' },
      text: '742',
      provenance: { kind: 'result', phrase: 'that ticket', entity: 'ticket', literal: '742', turn: 0, call: 0 },
    },
  ],
  result: '{"status": "Ticket 742 has been closed successfully."}',
  answers: [],
  changesState: true,
};

const turns = (first: string, second: string): TurnTrace[] => [
  { userMessage: first, calls: [createTicket], turnMessages: [] },
  { userMessage: second, calls: [closeTicket], turnMessages: [] },
];

describe('unrecoverableArguments', () => {
  test('accepts stated and referred arguments', () => {
    expect(unrecoverableArguments(turns("Open a ticket 'printer delay'.", 'Close that ticket.'))).toEqual([]);
  });

  test('finds an argument that the message does not state', () => {
    expect(unrecoverableArguments(turns('Open a ticket.', 'Close that ticket.'))).toEqual([
      `turn 0, ${createTicket.call}, title: the message lacks the phrase "'printer delay'"`,
    ]);
  });

  test('finds a reference that the message does not make', () => {
    expect(unrecoverableArguments(turns("Open a ticket 'printer delay'.", 'Close it.'))).toEqual([
      `turn 1, ${closeTicket.call}, ticket_id: the message lacks the phrase "that ticket"`,
    ]);
  });

  test('finds a result that comes too late', () => {
    const [first, second] = turns("Open a ticket 'printer delay'.", 'Close that ticket.') as [TurnTrace, TurnTrace];
    expect(unrecoverableArguments([second, first])[0]).toMatch(/its source is no earlier call/);
  });
});

describe('earlyReveals', () => {
  test('finds an id told before the ticket exists, and not one told later', () => {
    expect(earlyReveals(turns("Open ticket 742 'printer delay'.", 'Close that ticket.'))).toHaveLength(1);
    expect(earlyReveals(turns("Open a ticket 'printer delay'.", 'Close ticket 742.'))).toEqual([]);
  });
});

test.each([
  ['Close ticket 742.', '742', true],
  ['Close ticket 7421.', '742', false],
  ['Add 742.5 to it.', '742', false],
  ['Add -742 to it.', '742', false],
  ["Read 'notes.txt'.", 'notes', false],
  ["Read 'notes.txt'.", 'notes.txt', true],
])('%s tells %s: %s', (message, literal, expected) => {
  expect(containsLiteral(message, literal)).toBe(expected);
});

describe('validityReport', () => {
  test('finds nothing wrong in generated tasks and counts them', () => {
    const report = validityReport(tasks);
    expect(report.isValid).toBe(true);
    const calls = tasks.flatMap(({ trace }) => trace.flatMap((turn) => turn.calls));
    expect(Object.values(report.callsByMethod).reduce((sum, count) => sum + count, 0)).toBe(calls.length);
    expect(formatValidity(report)).toMatch(/^40 tasks, all valid\n/);
  });

  test('finds a turn that its ground truth leaves empty', () => {
    const [sample] = tasks as [SynthesizedTask];
    const turns = sample.task.turns.map((turn) => ({ ...turn, groundTruth: [''] }));
    const { refused } = validityReport([{ ...sample, task: { ...sample.task, turns } }]);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(/empty_turn_model_response in turn 0/);
  });

  test('finds a ground-truth call that fails, which the checker alone accepts', () => {
    const [sample] = tasks as [SynthesizedTask];
    const [first, ...rest] = sample.task.turns;
    const turns = [{ ...first!, groundTruth: ["fly(to='moon')"] }, ...rest];
    const report = validityReport([{ ...sample, task: { ...sample.task, turns } }]);
    expect(report.differingCalls[0]).toMatch(/fly\(to='moon'\) in turn 0 gives Error during execution: name 'fly'/);
    expect(report.isValid).toBe(false);
  });

  test('finds duplicates whatever their ids', () => {
    const [sample] = tasks as [SynthesizedTask];
    const twin = { ...sample, task: { ...sample.task, id: 'twin' } };
    expect(validityReport([sample, twin]).duplicates).toEqual(['twin']);
  });
});

describe('taskFingerprint', () => {
  test('depends on wording and solution, not on id, case and spacing', () => {
    const base = {
      turns: [{ messages: [{ role: 'user' as const, content: 'Read it.' }], groundTruth: ["cat(file_name='a')"] }],
    };
    const spaced = { turns: [{ ...base.turns[0]!, messages: [{ role: 'user' as const, content: ' read  it.' }] }] };
    const other = { turns: [{ ...base.turns[0]!, groundTruth: ["cat(file_name='b')"] }] };
    expect(taskFingerprint(spaced)).toBe(taskFingerprint(base));
    expect(taskFingerprint(other)).not.toBe(taskFingerprint(base));
    expect(taskFingerprint(base)).toMatch(/^[0-9a-f]{64}$/);
  });
});

test('arguments are written as Python and read back as literals', () => {
  const value = { fields: [['priority', { number: '4' }] as const, ['title', 'it\'s "x"'] as const] };
  expect(argumentText(value)).toBe("{'priority': 4, 'title': 'it\\'s \"x\"'}");
  expect(argumentText([true, { number: '2.50' }, 'a\nb'])).toBe("[True, 2.50, 'a\\nb']");
  expect(argumentLiterals([value, false])).toEqual(['4', 'it\'s "x"']);
});
