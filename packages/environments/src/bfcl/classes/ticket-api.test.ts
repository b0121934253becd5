import { expect, test } from 'vitest';
import { instancesOf } from './class-fixture.js';

function desk(isLoggedIn = true, scenario = '{}') {
  const { run } = instancesOf(['TicketAPI'], scenario);
  if (isLoggedIn) run("ticket_login('ann', 'x')");
  return run;
}

test('a ticket lives from creation to resolution', () => {
  const run = desk();
  expect(run("create_ticket('t', priority=2.5)")).toBe(
    '{"id": 1, "title": "t", "description": "", "status": "Open", "priority": 2.5, "created_by": "ann"}',
  );
  expect(run('close_ticket(1)')).toBe('{"status": "Ticket 1 has been closed successfully."}');
  expect(run('close_ticket(1)')).toBe('{"error": "Ticket with ID 1 is already closed."}');
  expect(run("resolve_ticket(1, 'done')")).toBe('{"status": "Ticket 1 has been resolved successfully."}');
  expect(run("get_user_tickets('RESOLVED')")).toBe(
    "[{'id': 1, 'title': 't', 'description': '', 'status': 'Resolved', 'priority': 2.5, 'created_by': 'ann', 'resolution': 'done'}]",
  );
});

test('creating needs a login and a priority from 1 to 5', () => {
  expect(desk(false)("create_ticket('t')")).toBe(
    '{"error": "User not authenticated. Please log in to create a ticket."}',
  );
  expect(desk()("create_ticket('t', priority=6)")).toBe(
    '{"error": "Invalid priority. Priority must be between 1 and 5."}',
  );
  expect(desk()("create_ticket('t', priority='high')")).toBe(
    "Error during execution: '<' not supported between instances of 'str' and 'int'",
  );
  expect(desk(false)('get_user_tickets()')).toBe(
    "[{'error': 'User not authenticated. Please log in to view tickets.'}]",
  );
});

test('edits take known fields only and skip nulls', () => {
  const run = desk();
  run("create_ticket('t')");
  expect(run("edit_ticket(1, {'b': 1, 'a': 2, 'title': 'u'})")).toBe('{"error": "Invalid fields for update: a, b"}');
  expect(run("edit_ticket(1, {'title': None, 'priority': 'high'})")).toContain('updated successfully');
  expect(run('get_ticket(1)')).toContain('"title": "t", "description": "", "status": "Open", "priority": "high"');
  expect(run("edit_ticket(1, 'x')")).toBe("Error during execution: 'str' object has no attribute 'keys'");
});

test('a loaded ticket without an id stops every search behind it', () => {
  const scenario = '{"TicketAPI": {"ticket_queue": [{"id": 5, "title": "a"}, {"title": "b"}, {"id": 6}]}}';
  const run = desk(true, scenario);
  expect(run('get_ticket(5)')).toBe('{"id": 5, "title": "a"}');
  expect(run('get_ticket(6)')).toBe("Error during execution: 'id'");
  expect(run('close_ticket(5)')).toBe("Error during execution: 'status'");
  expect(run('get_user_tickets()')).toBe("Error during execution: 'created_by'");
});

test('a ticket put into itself prints as a cycle', () => {
  const run = desk();
  run("create_ticket('t')");
  run("edit_ticket(1, {'title': get_ticket(1)})");
  expect(run('get_ticket(1)')).toContain("{'id': 1, 'title': {...}, ");
});

test('logging in and out', () => {
  const run = desk(false);
  expect(run("ticket_login('ann', '')")).toBe('{"success": false}');
  expect(run('logout()')).toBe('{"success": false}');
  run("ticket_login('ann', 'x')");
  expect(run('ticket_get_login_status()')).toBe('{"login_status": true}');
  expect(run('logout()')).toBe('{"success": true}');
});
