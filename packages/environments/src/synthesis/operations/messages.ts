import type { ContactModel, MessageModel } from '../service-scenarios.js';
import type { TurnDraft } from '../turn-draft.js';
import { newPersonName, newText } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
import { messagePhrasings as phrasings } from './message-phrasings.js';
import type { Operation } from './operation.js';
import { callerOf, type ServiceOperation, serviceOperations } from './service-operation.js';
import { changing, fieldOf, spokenArgument, statedText, unchanged, word } from './wording.js';

const call = callerOf('MessageAPI');

const isLoggedIn = (model: MessageModel): boolean => model.user !== undefined;

const operations: readonly ServiceOperation<MessageModel>[] = [
  {
    name: 'message-login',
    methods: ['message_login'],
    uses: ['contact'],
    weight: (_draft, model) => (isLoggedIn(model) ? 0 : 5),
    run(draft, model) {
      const contact = draft.random.pick(model.contacts);
      const target = draft.refer(contact.entity);
      call(draft, 'message_login', [spokenArgument('user_id', target)], changing);
      model.user = contact.entity.literal;
      return { text: word(draft, phrasings.login, { user: target.phrase }), message: 'You are logged in to messages.' };
    },
  },
  {
    name: 'message-status',
    methods: ['message_get_login_status'],
    weight: () => 0.15,
    run(draft, model) {
      call(draft, 'message_get_login_status', [], unchanged);
      const message = isLoggedIn(model) ? 'Yes, you are logged in.' : 'No, you are not logged in.';
      return { text: word(draft, phrasings.status), message };
    },
  },
  {
    name: 'list-users',
    methods: ['list_users'],
    weight: () => 0.5,
    run(draft, model) {
      call(draft, 'list_users', [], unchanged);
      return { text: word(draft, phrasings.list), message: `There are ${model.contacts.length} users.` };
    },
  },
  {
    name: 'user-id',
    methods: ['get_user_id'],
    uses: ['contact'],
    weight: (_draft, model) => (model.contacts.some(isNew) ? 1.6 : 0),
    run(draft, model) {
      const contact = draft.random.pick(model.contacts.filter(isNew));
      lookUp(draft, contact);
      const text = word(draft, phrasings.id, { name: `'${contact.name}'` });
      return { text, focus: contact.entity, message: `The id is ${contact.entity.literal}.` };
    },
  },
  {
    name: 'send-message',
    methods: ['send_message'],
    uses: ['contact', 'text', 'value'],
    weight: (_draft, model) => (isLoggedIn(model) ? 2.6 : 0),
    run(draft, model) {
      const contact = pickContact(draft, model);
      if (contact === undefined) return undefined;
      const text = chooseText(draft);
      const target = draft.refer(contact.entity);
      send(draft, contact, [spokenArgument('receiver_id', target), spokenArgument('message', text)]);
      return {
        text: word(draft, phrasings.send, { user: target.phrase, text: text.phrase }),
        focus: contact.entity,
        message: 'The message is sent.',
      };
    },
  },
  {
    name: 'send-by-name',
    methods: ['get_user_id', 'send_message'],
    uses: ['text', 'value'],
    weight: (draft, model) => (isLoggedIn(model) && draft.remainingCalls > 1 && model.contacts.some(isNew) ? 1.2 : 0),
    run(draft, model) {
      const contact = draft.random.pick(model.contacts.filter(isNew));
      const text = chooseText(draft);
      lookUp(draft, contact);
      const phrase = `'${contact.name}'`;
      const { literal } = contact.entity;
      const provenance = { kind: 'result', phrase, entity: 'contact', literal, ...contact.entity.source! } as const;
      send(draft, contact, [{ name: 'receiver_id', value: literal, provenance }, spokenArgument('message', text)]);
      return {
        text: word(draft, phrasings.sendByName, { name: phrase, text: text.phrase }),
        focus: contact.entity,
        message: `The message to ${contact.name} is sent.`,
      };
    },
  },
  {
    name: 'delete-message',
    methods: ['delete_message'],
    uses: ['contact'],
    weight: (_draft, model) => (isLoggedIn(model) && model.contacts.some(({ messages }) => messages > 0) ? 0.8 : 0),
    run(draft, model) {
      const contact = pickContact(draft, model, ({ messages, entity }) => {
        return messages > 0 && entity.roles.get('messaged')?.last.turn !== draft.turn;
      });
      if (contact === undefined) return undefined;
      const target = draft.refer(contact.entity);
      call(draft, 'delete_message', [spokenArgument('receiver_id', target)], changing);
      contact.messages--;
      const text = word(draft, phrasings.delete, { user: target.phrase });
      return { text, focus: contact.entity, message: 'The message is deleted.' };
    },
  },
  {
    name: 'view-messages',
    methods: ['view_messages_sent'],
    weight: (_draft, model) => (isLoggedIn(model) ? 0.6 : 0),
    run(draft) {
      call(draft, 'view_messages_sent', [], unchanged);
      return { text: word(draft, phrasings.view), message: 'Here are the messages.' };
    },
  },
  {
    name: 'add-contact',
    methods: ['add_contact'],
    weight: () => 1.2,
    run(draft, model) {
      const taken = new Set(model.contacts.map(({ name }) => name));
      const name = newPersonName(draft.random, taken);
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'user_id')] };
      const id = fieldOf(call(draft, 'add_contact', [statedText(draft, 'user_name', name)], options), 'user_id');
      const entity = draft.scenario.registry.add('contact', id);
      draft.learn(entity, 'added');
      model.contacts.push({ name, entity, messages: 0 });
      const text = word(draft, phrasings.add, { name: `'${name}'` });
      return { text, focus: entity, message: `${name} has the id ${id}.` };
    },
  },
  {
    name: 'search-messages',
    methods: ['search_messages'],
    weight: (_draft, model) => (isLoggedIn(model) ? 0.7 : 0),
    run(draft) {
      const keyword = newText(draft.random, 1, 1);
      call(draft, 'search_messages', [statedText(draft, 'keyword', keyword)], unchanged);
      return { text: word(draft, phrasings.search, { keyword: `'${keyword}'` }), message: 'The search is done.' };
    },
  },
  {
    name: 'message-stats',
    methods: ['get_message_stats'],
    weight: (_draft, model) => (isLoggedIn(model) ? 0.4 : 0),
    run(draft) {
      call(draft, 'get_message_stats', [], unchanged);
      return { text: word(draft, phrasings.stats), message: 'Here are the numbers.' };
    },
  },
];

/** Operations on MessageAPI: all 10 methods. */
export const messageOperations: readonly Operation[] = serviceOperations(
  'MessageAPI',
  ({ messages }) => messages,
  operations,
);

/** Nobody has told the id yet. */
function isNew({ entity }: ContactModel): boolean {
  return entity.known === undefined;
}

function lookUp(draft: TurnDraft, contact: ContactModel): void {
  const options = { changes: false, answers: () => [contact.entity.literal] };
  call(draft, 'get_user_id', [statedText(draft, 'user', contact.name)], options);
  draft.learn(contact.entity, 'fetched');
}

function send(draft: TurnDraft, contact: ContactModel, args: Parameters<typeof call>[2]): void {
  call(draft, 'send_message', args, changing);
  contact.messages++;
  draft.mark(contact.entity, 'messaged');
}

function pickContact(
  draft: TurnDraft,
  { contacts, user }: MessageModel,
  fits: (contact: ContactModel) => boolean = () => true,
): ContactModel | undefined {
  const others = contacts.filter((contact) => contact.entity.literal !== user && fits(contact));
  return draft.random.pickWeighted(others, ({ entity }) => familiarity(draft, entity));
}
