import { type ApiClass, errorResult, loadAttribute, parameter } from '../api-class.js';
import { pyContains, pyEquals } from '../python/compare.js';
import { dictFor, listFor, setFor, textFor } from '../python/object-access.js';
import { applyInPlace } from '../python/operators.js';
import { type PyRandom, pyRandom } from '../python/random.js';
import { pyStr } from '../python/render.js';
import { sliceOf } from '../python/subscript.js';
import { zeroFill } from '../python/text.js';
import { isTruthy, iterate, PyDict, PySet, PythonError, type PyValue } from '../python/value.js';

type MessageState = {
  generated_ids: PyValue;
  user_count: PyValue;
  user_map: PyValue;
  inbox: PyValue;
  message_count: PyValue;
  current_user: PyValue;
  _random: PyRandom;
};

const DEFAULT_SEED = 200191n;

const receiverId = parameter('receiver_id', 'string', 'Id of the user the message goes to.');

/** Messages between the users of a workspace; all but looking up and adding users needs a login. */
export const messageApi: ApiClass<MessageState> = {
  name: 'MessageAPI',

  load(config) {
    return {
      generated_ids: loadAttribute(config, 'generated_ids', new PySet()),
      user_count: loadAttribute(config, 'user_count', 4n),
      user_map: loadAttribute(config, 'user_map', defaultUsers()),
      inbox: loadAttribute(config, 'inbox', defaultInbox()),
      message_count: loadAttribute(config, 'message_count', 3n),
      current_user: loadAttribute(config, 'current_user', null),
      _random: pyRandom(loadAttribute(config, 'random_seed', DEFAULT_SEED), DEFAULT_SEED),
    };
  },

  methods: {
    list_users: {
      description: 'List the names of all users of the workspace.',
      parameters: [],
      run(state) {
        return PyDict.of({ user_list: dictFor(state.user_map, 'keys').keys() });
      },
    },

    get_user_id: {
      description: 'Look up the id of a user by name.',
      parameters: [parameter('user', 'string', 'Name of the user.')],
      run(state, user = null) {
        if (!pyContains(state.user_map, user)) {
          return errorResult(`User '${pyStr(user)}' not found in the workspace.`);
        }
        return PyDict.of({ user_id: dictFor(state.user_map, 'get').get(user) ?? null });
      },
    },

    message_login: {
      description: 'Log in to the workspace.',
      parameters: [parameter('user_id', 'string', 'Id of the user who logs in.')],
      run(state, id = null) {
        if (!isUserId(state, id)) {
          return PyDict.of({ login_status: false, message: `User ID '${pyStr(id)}' not found.` });
        }
        state.current_user = id;
        return PyDict.of({ login_status: true, message: `User '${pyStr(id)}' logged in successfully.` });
      },
    },

    message_get_login_status: {
      description: 'Show whether somebody is logged in to the workspace.',
      parameters: [],
      run(state) {
        return PyDict.of({ login_status: isTruthy(state.current_user) });
      },
    },

    send_message: {
      description: 'Send a message to a user.',
      parameters: [receiverId, parameter('message', 'string', 'Text of the message.')],
      run(state, receiver = null, message = null) {
        if (!isTruthy(state.current_user)) return notLoggedIn();
        if (!isUserId(state, receiver)) return errorResult(`Receiver ID '${pyStr(receiver)}' not found.`);
        const id = generateId(state);
        listFor(state.inbox, 'append').push(new PyDict([[receiver, message]]));
        state.message_count = applyInPlace('+', state.message_count, 1n);
        return PyDict.of({
          sent_status: true,
          message_id: PyDict.of({ new_id: id }),
          message: `Message sent to '${pyStr(receiver)}' successfully.`,
        });
      },
    },

    delete_message: {
      description: 'Delete the latest message to a user.',
      parameters: [receiverId],
      run(state, receiverArgument = null) {
        if (!isTruthy(state.current_user)) return notLoggedIn();
        const newestFirst = iterate(sliceOf(state.inbox, null, null, -1n));
        for (const message of newestFirst) {
          const [receiver] = firstEntry(message);
          if (!pyEquals(receiver, receiverArgument)) continue;
          // The search goes from the end, but the removal takes the first message that is equal.
          const inbox = listFor(state.inbox, 'remove');
          inbox.splice(
            inbox.findIndex((candidate) => pyEquals(candidate, message)),
            1,
          );
          return PyDict.of({
            deleted_status: true,
            receiver_id: receiver,
            message: `Receiver ${pyStr(receiverArgument)}'s latest message deleted successfully.`,
          });
        }
        return errorResult(`Receiver ID ${pyStr(receiverArgument)} not found.`);
      },
    },

    view_messages_sent: {
      description: 'List all messages sent, by receiver.',
      parameters: [],
      run(state) {
        if (!isTruthy(state.current_user)) return notLoggedIn();
        const messages = new PyDict();
        for (const message of iterate(state.inbox)) {
          const [receiver, content] = firstEntry(message);
          const known = messages.get(receiver);
          if (Array.isArray(known)) known.push(content);
          else messages.set(receiver, [content]);
        }
        return PyDict.of({ messages });
      },
    },

    add_contact: {
      description: 'Add a user to the workspace.',
      parameters: [parameter('user_name', 'string', 'Name of the new user.')],
      run(state, name = null) {
        if (pyContains(state.user_map, name)) return errorResult(`User name '${pyStr(name)}' already exists.`);
        state.user_count = applyInPlace('+', state.user_count, 1n);
        const id = `USR${zeroFill(pyStr(state.user_count), 3)}`;
        if (isUserId(state, id)) return errorResult(`User ID '${id}' already exists.`);
        dictFor(state.user_map, '__setitem__').set(name, id);
        return PyDict.of({
          added_status: true,
          user_id: id,
          message: `Contact '${pyStr(name)}' added successfully.`,
        });
      },
    },

    search_messages: {
      description: 'List the messages that contain a text.',
      parameters: [parameter('keyword', 'string', 'Text to look for; case does not matter.')],
      run(state, keyword = null) {
        if (!isTruthy(state.current_user)) return notLoggedIn();
        const wanted = textFor(keyword, 'lower').toLowerCase();
        const results: PyValue[] = [];
        for (const entry of iterate(state.inbox)) {
          const [receiver_id, message] = firstEntry(entry);
          if (!textFor(message, 'lower').toLowerCase().includes(wanted)) continue;
          results.push(PyDict.of({ receiver_id, message }));
        }
        return PyDict.of({ results });
      },
    },

    get_message_stats: {
      description: 'Count the messages and the users they went to.',
      parameters: [],
      run(state) {
        if (!isTruthy(state.current_user)) return notLoggedIn();
        const messages = iterate(state.inbox);
        const contacts = new PySet(messages.map((message) => firstEntry(message)[0]));
        return PyDict.of({
          stats: PyDict.of({ received_count: BigInt(messages.length), total_contacts: BigInt(contacts.size) }),
        });
      },
    },
  },
};

function defaultUsers(): PyDict {
  return PyDict.of({ Alice: 'USR001', Bob: 'USR002', Catherine: 'USR003', Daniel: 'USR004' });
}

function defaultInbox(): PyValue[] {
  return [
    PyDict.of({ USR002: 'My name is Alice. I want to connect.' }),
    PyDict.of({ USR003: 'Could you upload the file?' }),
    PyDict.of({ USR004: 'Could you upload the file?' }),
  ];
}

function notLoggedIn(): PyDict {
  return errorResult('No user is currently logged in.');
}

function isUserId(state: MessageState, id: PyValue): boolean {
  return dictFor(state.user_map, 'values')
    .values()
    .some((known) => pyEquals(known, id));
}

function generateId(state: MessageState): bigint {
  let id = state._random.randint(10000n, 99999n);
  while (pyContains(state.generated_ids, id)) id = state._random.randint(10000n, 99999n);
  setFor(state.generated_ids, 'add').add(id);
  return id;
}

/** Python `list(message.items())[0]`. */
function firstEntry(message: PyValue): readonly [PyValue, PyValue] {
  const [entry] = dictFor(message, 'items').entries();
  if (entry === undefined) throw new PythonError('IndexError', 'list index out of range');
  return entry;
}
