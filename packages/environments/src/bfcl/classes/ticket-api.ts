import { type ApiClass, errorResult, loadAttribute, parameter } from '../api-class.js';
import { pyEquals, pyOrder } from '../python/compare.js';
import { dictItem, listFor, noAttribute, textFor } from '../python/object-access.js';
import { applyInPlace } from '../python/operators.js';
import { pyStr } from '../python/render.js';
import { compareCodePoints, isTruthy, iterate, PyDict, type PyValue, typeError, typeName } from '../python/value.js';

type TicketState = {
  ticket_queue: PyValue;
  ticket_counter: PyValue;
  current_user: PyValue;
};

const ticketId = parameter('ticket_id', 'integer', 'Id of the ticket.');
const EDITABLE_FIELDS: ReadonlySet<PyValue> = new Set(['title', 'description', 'status', 'priority']);

/** Support tickets; only creating and listing one's own needs a login. */
export const ticketApi: ApiClass<TicketState> = {
  name: 'TicketAPI',

  load(config) {
    return {
      ticket_queue: loadAttribute(config, 'ticket_queue', []),
      ticket_counter: loadAttribute(config, 'ticket_counter', 1n),
      current_user: loadAttribute(config, 'current_user', null),
    };
  },

  methods: {
    create_ticket: {
      description: 'Create a ticket of the logged-in user.',
      parameters: [
        parameter('title', 'string', 'Title of the ticket.'),
        parameter('description', 'string', 'What the ticket is about.', ''),
        parameter('priority', 'integer', 'Priority from 1 to 5, 5 is highest.', 1n),
      ],
      run(state, title = null, description = null, priority = null) {
        if (!isTruthy(state.current_user)) {
          return errorResult('User not authenticated. Please log in to create a ticket.');
        }
        if (pyOrder('<', priority, 1n) || pyOrder('>', priority, 5n)) {
          return errorResult('Invalid priority. Priority must be between 1 and 5.');
        }
        const { ticket_counter: id, current_user: created_by } = state;
        const ticket = PyDict.of({ id, title, description, status: 'Open', priority, created_by });
        listFor(state.ticket_queue, 'append').push(ticket);
        state.ticket_counter = applyInPlace('+', id, 1n);
        return ticket;
      },
    },

    get_ticket: {
      description: 'Show a ticket.',
      parameters: [ticketId],
      run(state, id = null) {
        return findTicket(state, id) ?? unknownTicket(id);
      },
    },

    close_ticket: {
      description: 'Close a ticket.',
      parameters: [ticketId],
      run(state, id = null) {
        const ticket = findTicket(state, id);
        if (ticket === undefined) return unknownTicket(id);
        if (dictItem(ticket, 'status') === 'Closed') {
          return errorResult(`Ticket with ID ${pyStr(id)} is already closed.`);
        }
        ticket.set('status', 'Closed');
        return PyDict.of({ status: `Ticket ${pyStr(id)} has been closed successfully.` });
      },
    },

    resolve_ticket: {
      description: 'Resolve a ticket.',
      parameters: [ticketId, parameter('resolution', 'string', 'How the ticket was resolved.')],
      run(state, id = null, resolution = null) {
        const ticket = findTicket(state, id);
        if (ticket === undefined) return unknownTicket(id);
        if (dictItem(ticket, 'status') === 'Resolved') {
          return errorResult(`Ticket with ID ${pyStr(id)} is already resolved.`);
        }
        ticket.set('status', 'Resolved');
        ticket.set('resolution', resolution);
        return PyDict.of({ status: `Ticket ${pyStr(id)} has been resolved successfully.` });
      },
    },

    edit_ticket: {
      description: 'Change fields of a ticket.',
      parameters: [
        ticketId,
        parameter(
          'updates',
          {
            type: 'object',
            properties: {
              title: { type: 'string' },
              description: { type: 'string' },
              status: { type: 'string' },
              priority: { type: 'integer' },
            },
          },
          'New values of the fields to change.',
        ),
      ],
      run(state, id = null, updates = null) {
        const ticket = findTicket(state, id);
        if (ticket === undefined) return unknownTicket(id);
        if (!(updates instanceof PyDict)) throw noAttribute(updates, 'keys');
        const invalid = updates.keys().filter((key) => !EDITABLE_FIELDS.has(key));
        if (invalid.length > 0) return errorResult(`Invalid fields for update: ${joinNames(invalid)}`);
        for (const [key, value] of updates.entries()) if (value !== null) ticket.set(key, value);
        return PyDict.of({ status: `Ticket ${pyStr(id)} has been updated successfully.` });
      },
    },

    ticket_login: {
      description: 'Log in to the ticket system.',
      parameters: [
        parameter('username', 'string', 'Name of the user.'),
        parameter('password', 'string', 'Password of the user.'),
      ],
      run(state, username = null, password = null) {
        const success = isTruthy(username) && isTruthy(password);
        if (success) state.current_user = username;
        return PyDict.of({ success });
      },
    },

    ticket_get_login_status: {
      description: 'Show whether somebody is logged in to the ticket system.',
      parameters: [],
      run(state) {
        return PyDict.of({ login_status: isTruthy(state.current_user) });
      },
    },

    logout: {
      description: 'Log out of the ticket system.',
      parameters: [],
      run(state) {
        const success = isTruthy(state.current_user);
        if (success) state.current_user = null;
        return PyDict.of({ success });
      },
    },

    get_user_tickets: {
      description: 'List the tickets created by the logged-in user.',
      parameters: [parameter('status', 'string', 'Only tickets with this status; case does not matter.', null)],
      run(state, status = null) {
        if (!isTruthy(state.current_user)) {
          return [errorResult('User not authenticated. Please log in to view tickets.')];
        }
        const own = iterate(state.ticket_queue).filter((ticket) =>
          pyEquals(dictItem(ticket, 'created_by'), state.current_user),
        );
        if (!isTruthy(status)) return own;
        return own.filter((ticket) => lower(dictItem(ticket, 'status')) === lower(status));
      },
    },
  },
};

/** Reads `id` of each ticket on the way, so one without an id stops the search with its KeyError. */
function findTicket(state: TicketState, id: PyValue): PyDict | undefined {
  return iterate(state.ticket_queue).find((ticket) => pyEquals(dictItem(ticket, 'id'), id)) as PyDict | undefined;
}

function unknownTicket(id: PyValue): PyDict {
  return errorResult(`Ticket with ID ${pyStr(id)} not found.`);
}

/** Python `', '.join(set)`: the set's order is random there, sorted here. */
function joinNames(names: readonly PyValue[]): string {
  const texts = names.map((name) => {
    if (typeof name === 'string') return name;
    throw typeError(`sequence item 0: expected str instance, ${typeName(name)} found`);
  });
  return texts.sort(compareCodePoints).join(', ');
}

function lower(value: PyValue): string {
  return textFor(value, 'lower').toLowerCase();
}
