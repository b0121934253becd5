import { fill } from '../phrasing.js';
import type { TicketDeskModel, TicketModel } from '../scenario.js';
import type { ArgumentValue } from '../trace.js';
import type { CallOptions, Clause, PlannedArgument, TurnDraft } from '../turn-draft.js';
import { newPassword, newResolution, newStatus, newTitle, newUserName } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
import type { Operation } from './operation.js';
import { ticketPhrasings as phrasings } from './ticket-phrasings.js';

const unchanged: CallOptions = { changes: false };
const changing: CallOptions = { changes: true };

interface TicketOperation {
  readonly name: string;
  readonly methods: readonly string[];
  readonly uses?: Operation['uses'];
  /** Whether the call fails without login. */
  readonly needsLogin: boolean;
  weight(draft: TurnDraft, model: TicketDeskModel): number;
  run(draft: TurnDraft, model: TicketDeskModel): Clause | undefined;
}

const operations: readonly TicketOperation[] = [
  {
    name: 'ticket-login',
    methods: ['ticket_login'],
    needsLogin: false,
    weight: (_draft, model) => (model.user === undefined ? 5 : 0),
    run(draft, model) {
      const { random, scenario } = draft;
      const username = scenario.twitter?.username ?? newUserName(random);
      const password = scenario.twitter?.password ?? newPassword(random);
      const text = word(draft, 'login', { name: `'${username}'`, password: `'${password}'` });
      call(draft, 'ticket_login', [stated(draft, 'username', username), stated(draft, 'password', password)], changing);
      model.user = username;
      return { text, message: 'You are logged in to the ticket system.' };
    },
  },
  {
    name: 'ticket-logout',
    methods: ['logout'],
    needsLogin: true,
    // Only late: nothing else can be created afterwards.
    weight: (draft) => (draft.turn >= 2 ? 0.25 : 0),
    run(draft, model) {
      call(draft, 'logout', [], changing);
      model.user = undefined;
      return { text: word(draft, 'logout'), message: 'You are logged out.' };
    },
  },
  {
    name: 'ticket-status',
    methods: ['ticket_get_login_status'],
    needsLogin: false,
    weight: () => 0.15,
    run(draft, model) {
      call(draft, 'ticket_get_login_status', [], unchanged);
      const message = model.user === undefined ? 'No, you are not logged in.' : 'Yes, you are logged in.';
      return { text: word(draft, 'status'), message };
    },
  },
  {
    name: 'create-ticket',
    methods: ['create_ticket'],
    uses: ['text', 'value'],
    needsLogin: true,
    weight: (_draft, model) => (model.tickets.some((ticket) => ticket.entity.roles.has('created')) ? 1 : 3),
    run(draft, model) {
      const { random } = draft;
      const title = newTitle(random);
      const extras: string[] = [];
      const args: PlannedArgument[] = [stated(draft, 'title', title)];
      if (random.chance(0.45)) {
        const description = chooseText(draft);
        const before = random.pick([' with the description ', ', description ', ' and the description ']);
        extras.push(`${before}${description.phrase}`);
        args.push({ name: 'description', value: description.literal, provenance: description.provenance });
      }
      const priority = random.chance(0.5) ? random.integer(2, 5) : undefined;
      if (priority !== undefined) {
        extras.push(random.pick([` and priority ${priority}`, `, priority ${priority}`, ` at priority ${priority}`]));
        args.push({
          name: 'priority',
          value: { number: `${priority}` },
          provenance: draft.stated(`priority ${priority}`),
        });
      }
      const options = { changes: true, answers: (result: unknown) => [idOf(result)] };
      const id = idOf(call(draft, 'create_ticket', args, options));
      const { registry } = draft.scenario;
      const entity = registry.add('ticket', id);
      model.tickets.push({
        entity,
        id: Number(id),
        title,
        status: 'Open',
        priority: priority ?? 1,
        createdBy: model.user!,
      });
      draft.learn(registry.add('id', id), 'ticket');
      draft.learn(entity, 'created');
      const text = word(draft, 'create', { title: `'${title}'`, extras: extras.join('') });
      return { text, focus: entity, message: `Ticket ${id} is open.` };
    },
  },
  {
    name: 'get-ticket',
    methods: ['get_ticket'],
    uses: ['ticket'],
    needsLogin: false,
    weight: (_draft, model) => (model.tickets.length === 0 ? 0 : 1),
    run(draft, model) {
      const show = (): string => 'Here is the ticket.';
      return onTicket(draft, model, 'get', 'get_ticket', () => true, unchanged, 'read', show);
    },
  },
  {
    name: 'close-ticket',
    methods: ['close_ticket'],
    uses: ['ticket'],
    needsLogin: false,
    weight: (_draft, model) => (model.tickets.some(isOpen) ? 1.2 : 0),
    run(draft, model) {
      return onTicket(draft, model, 'close', 'close_ticket', isSettleable(draft), changing, 'closed', (ticket) => {
        ticket.status = 'Closed';
        return `Ticket ${ticket.id} is closed.`;
      });
    },
  },
  {
    name: 'resolve-ticket',
    methods: ['resolve_ticket'],
    uses: ['ticket'],
    needsLogin: false,
    weight: (_draft, model) => (model.tickets.some(isOpen) ? 1.2 : 0),
    run(draft, model) {
      const ticket = pickTicket(draft, model, isSettleable(draft));
      if (ticket === undefined) return undefined;
      const resolution = newResolution(draft.random);
      const target = draft.refer(ticket.entity);
      const args = [ticketArgument(ticket, target.provenance), stated(draft, 'resolution', resolution)];
      call(draft, 'resolve_ticket', args, changing);
      ticket.status = 'Resolved';
      draft.mark(ticket.entity, 'resolved');
      const text = word(draft, 'resolve', { ticket: target.phrase, resolution: `'${resolution}'` });
      return { text, focus: ticket.entity, message: `Ticket ${ticket.id} is resolved.` };
    },
  },
  {
    name: 'edit-ticket',
    methods: ['edit_ticket'],
    uses: ['ticket'],
    needsLogin: false,
    weight: (_draft, model) => (model.tickets.some(isOpen) ? 1.8 : 0),
    run(draft, model) {
      const ticket = pickTicket(draft, model, isOpen);
      if (ticket === undefined) return undefined;
      const edit = drawEdit(draft, ticket);
      const target = draft.refer(ticket.entity);
      const updates = { fields: [[edit.field, edit.value] as const] };
      const args = [
        ticketArgument(ticket, target.provenance),
        { name: 'updates', value: updates, provenance: edit.provenance },
      ];
      call(draft, 'edit_ticket', args, changing);
      edit.apply();
      draft.mark(ticket.entity, 'edited');
      const text = word(draft, edit.variant, { ticket: target.phrase, value: edit.phrase });
      return { text, focus: ticket.entity, message: `Ticket ${ticket.id} is updated.` };
    },
  },
  {
    name: 'list-tickets',
    methods: ['get_user_tickets'],
    needsLogin: true,
    weight: (_draft, model) => (model.tickets.some((ticket) => ticket.createdBy === model.user) ? 0.8 : 0),
    run(draft, model) {
      const mine = model.tickets.filter((ticket) => ticket.createdBy === model.user);
      const status = draft.random.chance(0.5) ? draft.random.pick(mine).status : undefined;
      const found = mine.filter((ticket) => status === undefined || ticket.status === status);
      const unknown = found.filter((ticket) => ticket.entity.known === undefined);
      const args = status === undefined ? [] : [stated(draft, 'status', status)];
      const answers = unknown.map((ticket) => ticket.entity.literal);
      call(draft, 'get_user_tickets', args, { changes: false, answers: () => answers });
      const [ticket] = found;
      const focus = found.length === 1 && ticket !== undefined ? ticket.entity : undefined;
      draft.surface(found.map(({ entity }) => entity));
      if (focus !== undefined) draft.learnIfNew(focus, 'found');
      const text = status === undefined ? word(draft, 'list') : word(draft, 'listByStatus', { status: `'${status}'` });
      const message = found.length === 1 ? `You have ticket ${ticket!.id}.` : `You have ${found.length} tickets.`;
      return { text, focus, message };
    },
  },
];

/** Operations on TicketAPI: all 9 methods. */
export const ticketOperations: readonly Operation[] = operations.map(
  ({ name, methods, uses = [], needsLogin, weight, run }) => ({
    name,
    className: 'TicketAPI',
    methods,
    uses,
    weight: (draft) => {
      const model = draft.scenario.desk;
      if (model === undefined || (needsLogin && model.user === undefined)) return 0;
      return weight(draft, model);
    },
    run: (draft) => (draft.scenario.desk === undefined ? undefined : run(draft, draft.scenario.desk)),
  }),
);

interface Edit {
  readonly variant: keyof typeof phrasings;
  readonly field: string;
  readonly value: ArgumentValue;
  readonly phrase: string;
  readonly provenance: PlannedArgument['provenance'];
  apply(): void;
}

function drawEdit(draft: TurnDraft, ticket: TicketModel): Edit {
  const { random } = draft;
  const quote = (text: string) => ({ value: text, phrase: `'${text}'`, provenance: draft.stated(`'${text}'`) });
  switch (random.pick(['priority', 'priority', 'status', 'title', 'description'] as const)) {
    case 'priority': {
      const priority = random.pick([1, 2, 3, 4, 5].filter((value) => value !== ticket.priority));
      return {
        variant: 'editPriority',
        field: 'priority',
        value: { number: `${priority}` },
        phrase: `${priority}`,
        provenance: draft.stated(`${priority}`),
        apply: () => {
          ticket.priority = priority;
        },
      };
    }
    case 'status': {
      const status = newStatus(random);
      return {
        ...quote(status),
        variant: 'editStatus',
        field: 'status',
        apply: () => {
          ticket.status = status;
        },
      };
    }
    case 'title': {
      const title = newTitle(random);
      return {
        ...quote(title),
        variant: 'editTitle',
        field: 'title',
        apply: () => {
          ticket.title = title;
        },
      };
    }
    case 'description': {
      const { literal, phrase, provenance } = chooseText(draft);
      return { variant: 'editDescription', field: 'description', value: literal, phrase, provenance, apply: () => {} };
    }
  }
}

function onTicket(
  draft: TurnDraft,
  model: TicketDeskModel,
  variant: keyof typeof phrasings,
  method: string,
  fits: (ticket: TicketModel) => boolean,
  options: CallOptions,
  role: string,
  after: (ticket: TicketModel) => string,
): Clause | undefined {
  const ticket = pickTicket(draft, model, fits);
  if (ticket === undefined) return undefined;
  const target = draft.refer(ticket.entity);
  call(draft, method, [ticketArgument(ticket, target.provenance)], options);
  draft.mark(ticket.entity, role);
  return { text: word(draft, variant, { ticket: target.phrase }), focus: ticket.entity, message: after(ticket) };
}

function pickTicket(
  draft: TurnDraft,
  model: TicketDeskModel,
  fits: (ticket: TicketModel) => boolean,
): TicketModel | undefined {
  return draft.random.pickWeighted(model.tickets.filter(fits), (ticket) => familiarity(draft, ticket.entity));
}

/** Neither closed nor resolved: the desk refuses a second closing or resolving. */
function isOpen(ticket: TicketModel): boolean {
  return ticket.status !== 'Closed' && ticket.status !== 'Resolved';
}

/** Open, and not opened in this very turn: nobody opens a ticket to close it at once. */
function isSettleable(draft: TurnDraft): (ticket: TicketModel) => boolean {
  return (ticket) => isOpen(ticket) && ticket.entity.roles.get('created')?.turn !== draft.turn;
}

function ticketArgument(ticket: TicketModel, provenance: PlannedArgument['provenance']): PlannedArgument {
  return { name: 'ticket_id', value: { number: ticket.entity.literal }, provenance };
}

function stated(draft: TurnDraft, name: string, value: string): PlannedArgument {
  return { name, value, provenance: draft.stated(`'${value}'`) };
}

function word(draft: TurnDraft, variant: keyof typeof phrasings, slots: Readonly<Record<string, string>> = {}): string {
  return fill(draft.random.pick(phrasings[variant]), slots);
}

function call(draft: TurnDraft, method: string, args: readonly PlannedArgument[], options: CallOptions): unknown {
  return draft.call('TicketAPI', method, args, options);
}

function idOf(result: unknown): string {
  return String((result as { readonly id: unknown }).id);
}
