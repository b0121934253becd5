import { expect, test } from 'vitest';
import { instancesOf } from './class-fixture.js';

// Expected texts are those of the benchmark's reference implementation, run on CPython 3.11.

function workspace(isLoggedIn = true, scenario = '{}') {
  const { run } = instancesOf(['MessageAPI'], scenario);
  if (isLoggedIn) run("message_login('USR001')");
  return run;
}

test('message ids come from the seeded generator and skip used ones', () => {
  const run = workspace();
  const ids = ['67410', '41772', '24547', '24421', '60424'];
  for (const id of ids) {
    expect(run("send_message('USR002', 'hi')")).toBe(
      `{"sent_status": true, "message_id": {"new_id": ${id}}, "message": "Message sent to 'USR002' successfully."}`,
    );
  }
  expect(run('get_message_stats()')).toBe('{"stats": {"received_count": 8, "total_contacts": 3}}');
});

test('deleting searches from the end and removes the first equal message', () => {
  const run = workspace();
  run("send_message('USR003', 'first')");
  run("send_message('USR002', 'My name is Alice. I want to connect.')");
  expect(run("delete_message('USR002')")).toBe(
    '{"deleted_status": true, "receiver_id": "USR002", "message": "Receiver USR002\'s latest message deleted successfully."}',
  );
  // The oldest of the two equal messages went: the newest entry is still the one to USR002.
  expect(run('view_messages_sent()')).toBe(
    '{"messages": {"USR003": ["Could you upload the file?", "first"], "USR004": ["Could you upload the file?"], "USR002": ["My name is Alice. I want to connect."]}}',
  );
  expect(run("delete_message('USR009')")).toBe('{"error": "Receiver ID USR009 not found."}');
});

test('contacts get ids of at least three digits; a clash leaves the count raised', () => {
  const run = workspace(false);
  expect(run("add_contact('Eve')")).toBe(
    '{"added_status": true, "user_id": "USR005", "message": "Contact \'Eve\' added successfully."}',
  );
  expect(run("add_contact('Eve')")).toBe('{"error": "User name \'Eve\' already exists."}');
  const clash = workspace(false, '{"MessageAPI": {"user_count": 1}}');
  expect(clash("add_contact('Eve')")).toBe('{"error": "User ID \'USR002\' already exists."}');
  expect(clash("add_contact('Eve')")).toBe('{"error": "User ID \'USR003\' already exists."}');
});

test('a login is needed for messages, and must be of a known user', () => {
  const run = workspace(false);
  expect(run("send_message('USR002', 'hi')")).toBe('{"error": "No user is currently logged in."}');
  expect(run("message_login('USR042')")).toBe('{"login_status": false, "message": "User ID \'USR042\' not found."}');
  expect(run("get_user_id('Nobody')")).toBe('{"error": "User \'Nobody\' not found in the workspace."}');
  expect(run('list_users()')).toBe('{"user_list": ["Alice", "Bob", "Catherine", "Daniel"]}');
});

test('loaded messages that are lists cannot be searched', () => {
  const run = workspace(true, '{"MessageAPI": {"inbox": [{"USR002": ["a", "b"]}]}}');
  expect(run("search_messages('a')")).toBe("Error during execution: 'list' object has no attribute 'lower'");
  expect(run('view_messages_sent()')).toBe('{"messages": {"USR002": [["a", "b"]]}}');
});
