import type { TicketDeskModel, TicketModel } from '../scenario.js';
import type { ArgumentValue } from '../trace.js';
import type { CallOptions, Clause, PlannedArgument, TurnDraft } from '../turn-draft.js';
import { newPassword, newResolution, newStatus, newTitle, newUserName } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
import type { Operation } from './operation.js';
import { ticketPhrasings as phrasings } from './ticket-phrasings.js';
import { changing, fieldOf, spokenArgument, spokenNumber, statedText, unchanged, word } from './wording.js';

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
      const text = word(draft, phrasings.login, { name: `'${username}'`, password: `'${password}'` });
      call(
        draft,
        'ticket_login',
        [statedText(draft, 'username', username), statedText(draft, 'password', password)],
        changing,
      );
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
      return { text: word(draft, phrasings.logout), message: 'You are logged out.' };
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
      return { text: word(draft, phrasings.status), message };
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
      const args: PlannedArgument[] = [statedText(draft, 'title', title)];
      if (random.chance(0.45)) {
        const description = chooseText(draft);
        const before = random.pick([' with the description ', ', description ', ' and describe it as ']);
        extras.push(`${before}${description.phrase}`);
        args.push(spokenArgument('description', description));
      }
      const priority = random.chance(0.5) ? random.integer(2, 5) : undefined;
      if (priority !== undefined) {
        extras.push(
          random.pick([
            ` ${extras.length > 0 ? 'and' : 'with'} priority ${priority}`,
            `, priority ${priority}`,
            ` at priority ${priority}`,
          ]),
        );
        args.push({
          name: 'priority',
          value: { number: `${priority}` },
          provenance: draft.stated(`priority ${priority}`),
        });
      }
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'id')] };
      const id = fieldOf(call(draft, 'create_ticket', args, options), 'id');
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
      const text = word(draft, phrasings.create, { title: `'${title}'`, extras: extras.join('') });
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
      return onTicket(draft, model, {
        method: 'get_ticket',
        templates: phrasings.get,
        options: unchanged,
        role: 'read',
        fits: () => true,
        message: () => 'Here is the ticket.',
      });
    },
  },
  {
    name: 'close-ticket',
    methods: ['close_ticket'],
    uses: ['ticket'],
    needsLogin: false,
    weight: (_draft, model) => (model.tickets.some(isOpen) ? 1.2 : 0),
    run(draft, model) {
      return onTicket(draft, model, {
        method: 'close_ticket',
        templates: phrasings.close,
        options: changing,
        role: 'closed',
        fits: isSettleable(draft),
        after: (ticket) => {
          ticket.status = 'Closed';
        },
        message: (ticket) => `Ticket ${ticket.id} is closed.`,
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
      const args = [spokenNumber('ticket_id', target), statedText(draft, 'resolution', resolution)];
      call(draft, 'resolve_ticket', args, changing);
      ticket.status = 'Resolved';
      draft.mark(ticket.entity, 'resolved');
      const text = word(draft, phrasings.resolve, { ticket: target.phrase, resolution: `'${resolution}'` });
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
        spokenNumber('ticket_id', target),
        { name: 'updates', value: updates, provenance: edit.provenance },
      ];
      call(draft, 'edit_ticket', args, changing);
      edit.apply();
      draft.mark(ticket.entity, 'edited');
      const text = word(draft, phrasings[edit.variant], { ticket: target.phrase, value: edit.phrase });
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
      const args = status === undefined ? [] : [statedText(draft, 'status', status)];
      const answers = unknown.map((ticket) => ticket.entity.literal);
      call(draft, 'get_user_tickets', args, { changes: false, answers: () => answers });
      const [ticket] = found;
      const focus = found.length === 1 && ticket !== undefined ? ticket.entity : undefined;
      draft.surface(found.map(({ entity }) => entity));
      if (focus !== undefined) draft.learnIfNew(focus, 'found');
      const text =
        status === undefined
          ? word(draft, phrasings.list)
          : word(draft, phrasings.listByStatus, { status: `'${status}'` });
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

interface TicketCall {
  readonly method: string;
  readonly templates: readonly string[];
  readonly options: CallOptions;
  /** What the call does to the ticket. */
  readonly role: string;
  fits(ticket: TicketModel): boolean;
  after?(ticket: TicketModel): void;
  message(ticket: TicketModel): string;
}

/** A call whose only argument is a ticket. */
function onTicket(draft: TurnDraft, model: TicketDeskModel, plan: TicketCall): Clause | undefined {
  const { method, templates, options, role } = plan;
  const ticket = pickTicket(draft, model, plan.fits);
  if (ticket === undefined) return undefined;
  const target = draft.refer(ticket.entity);
  call(draft, method, [spokenNumber('ticket_id', target)], options);
  plan.after?.(ticket);
  draft.mark(ticket.entity, role);
  return {
    text: word(draft, templates, { ticket: target.phrase }),
    focus: ticket.entity,
    message: plan.message(ticket),
  };
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
  return (ticket) => isOpen(ticket) && ticket.entity.roles.get('created')?.last.turn !== draft.turn;
}

function call(draft: TurnDraft, method: string, args: readonly PlannedArgument[], options: CallOptions): unknown {
  return draft.call('TicketAPI', method, args, options);
}
