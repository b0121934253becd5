import type { EntityKind } from './trace.js';

/** When something happened: the turn, and the place among everything that happened in the task. */
export interface Moment {
  readonly turn: number;
  readonly order: number;
}

/** Words that mean one thing. */
export interface Pointer {
  readonly phrase: string;
  /** The function whose call the words speak of, if they do. */
  readonly method?: string | undefined;
}

/** Something the conversation can name or point at. */
export interface Entity {
  readonly kind: EntityKind;
  /** Its present text: file name, ticket id, number, content. */
  literal: string;
  /** Where it was first named or learned; undefined while the conversation has not met it. */
  known?: Moment;
  /** Where a result told it, when nobody stated it. */
  source?: { readonly turn: number; readonly call: number };
  /** When it was last talked about. */
  lastMention?: Moment;
  /** What was done to it or how it came to be ("created", "mean"), with the first time, the last, and the function. */
  readonly roles: Map<string, { readonly first: Moment; readonly last: Moment; readonly method: string | undefined }>;
}

/**
 * Phrases for a role of an entity: `once` when it is the only one of its kind with that role, `recent` when it is the one
 * from the turn just before, `first` and `last` when there are several.
 */
export interface RolePhrases {
  readonly once: readonly string[];
  readonly recent?: readonly string[];
  readonly first?: readonly string[];
  readonly last?: readonly string[];
}

/** Every entity of one task, and unambiguous ways to point at them. */
export class EntityRegistry {
  readonly #entities: Entity[] = [];
  #order = 0;

  add(kind: EntityKind, literal: string): Entity {
    const entity: Entity = { kind, literal, roles: new Map() };
    this.#entities.push(entity);
    return entity;
  }

  /** Notes that the entity is talked about now. */
  mention(entity: Entity, turn: number): void {
    const now = { turn, order: this.#order++ };
    entity.known ??= now;
    entity.lastMention = now;
  }

  /** A new literal text, stated by the user: what was known before no longer holds. */
  rename(entity: Entity, literal: string): void {
    entity.literal = literal;
    delete entity.known;
    delete entity.source;
  }

  /** Notes that several things came up at once: none of them is "that one" then. */
  surface(entities: readonly Entity[], turn: number): void {
    const now = { turn, order: this.#order++ };
    for (const entity of entities) entity.lastMention = now;
  }

  /** Notes what was done to the entity now, and by which function. */
  assign(entity: Entity, role: string, turn: number, method?: string): void {
    const now = { turn, order: this.#order++ };
    entity.roles.set(role, { first: entity.roles.get(role)?.first ?? now, last: now, method });
  }

  all(): readonly Entity[] {
    return this.#entities;
  }

  /** Known entities of a kind. */
  known(kind: EntityKind): Entity[] {
    return this.#entities.filter((entity) => entity.kind === kind && entity.known !== undefined);
  }

  /**
   * Phrases that, said in `turn`, mean this entity and no other; empty when a person could be in doubt.
   *
   * @param most - how many wordings of one way to point at it may be in use.
   */
  pointers(entity: Entity, turn: number, most = Number.POSITIVE_INFINITY): Pointer[] {
    const pointers: Pointer[] = [];
    for (const [role, { method }] of entity.roles) {
      for (const wordings of this.#byRole(entity, role, turn)) {
        pointers.push(...(wordings ?? []).slice(0, most).map((phrase) => ({ phrase, method })));
      }
    }
    if (this.#isSalient(entity, turn)) {
      pointers.push(...(saliencePhrases[entity.kind] ?? []).slice(0, most).map((phrase) => ({ phrase })));
    }
    return pointers;
  }

  /** The phrases of {@link pointers}. */
  descriptions(entity: Entity, turn: number, most?: number): string[] {
    return this.pointers(entity, turn, most).map(({ phrase }) => phrase);
  }

  #byRole(entity: Entity, role: string, turn: number): (readonly string[] | undefined)[] {
    const wording = rolePhrases[entity.kind]?.[role];
    if (wording === undefined) return [];
    const holders = this.#entities.filter((other) => other.kind === entity.kind && other.roles.has(role));
    const by = (end: 'first' | 'last') =>
      holders.toSorted((a, b) => a.roles.get(role)![end].order - b.roles.get(role)![end].order);
    const isLast = by('last').at(-1) === entity;
    const phrases: (readonly string[] | undefined)[] = holders.length === 1 ? [wording.once] : [];
    if (holders.length > 1 && by('first')[0] === entity) phrases.push(wording.first);
    if (holders.length > 1 && isLast) phrases.push(wording.last);
    const justNow = holders.filter((other) => other.roles.get(role)!.last.turn === turn - 1);
    if (justNow.length === 1 && justNow[0] === entity && isLast) phrases.push(wording.recent);
    return phrases;
  }

  /** The only one of its kind that the previous turn talked about, with nothing of that kind since. */
  #isSalient(entity: Entity, turn: number): boolean {
    const recent = this.#entities.filter(
      (other) => other.kind === entity.kind && (other.lastMention?.turn ?? -1) >= turn - 1,
    );
    return recent.length === 1 && recent[0] === entity;
  }
}

const saliencePhrases: Partial<Record<EntityKind, readonly string[]>> = {
  file: ['that file', 'the same file', 'that same file'],
  folder: ['that folder', 'the same folder'],
  tweet: ['that tweet', 'the same tweet'],
  ticket: ['that ticket', 'the same ticket', 'this ticket'],
  value: ['that result', 'the result', 'that number'],
  user: ['that user', 'the same user', 'the same person'],
  contact: ['that user', 'the same user', 'that same person'],
  stock: ['that stock', 'the same stock'],
  order: ['that order', 'the same order', 'this order'],
  token: ['the same token', 'my token', 'the same access token'],
  card: ['that card', 'the same card'],
  booking: ['that booking', 'the same booking', 'this booking'],
  airport: ['that airport', 'the same airport'],
  zip: ['that zip code', 'the same zip code'],
};

const done = (noun: string, verb: string): RolePhrases => ({
  once: [`the ${noun} you ${verb}`, `the ${noun} you ${verb} earlier`],
  recent: [`the ${noun} you just ${verb}`],
  first: [`the first ${noun} you ${verb}`],
  last: [`the last ${noun} you ${verb}`],
});

const made = (noun: string, verb: string): RolePhrases => ({
  ...done(noun, verb),
  once: [...done(noun, verb).once, `the new ${noun}`],
});

const computed = (noun: string): RolePhrases => ({
  once: [`the ${noun} you computed`, `that ${noun}`, `the ${noun} from before`],
  recent: [`the ${noun} you just computed`],
  first: [`the first ${noun} you computed`],
  last: [`the last ${noun} you computed`],
});

const learned = (noun: string, verb: string): RolePhrases => ({
  once: [`the ${noun} you ${verb}`, `that ${noun}`],
  recent: [`the ${noun} you just ${verb}`],
  last: [`the last ${noun} you ${verb}`],
});

const fetched = (noun: string): RolePhrases => ({
  once: [`the ${noun} you looked up`, `the ${noun} you got`],
  recent: [`the ${noun} you just looked up`],
  last: [`the last ${noun} you looked up`],
});

const holder = (): RolePhrases => ({
  once: ['the folder where you found it', 'the folder that holds the file you found'],
});

const rolePhrases: Partial<Record<EntityKind, Readonly<Record<string, RolePhrases>>>> = {
  file: {
    created: made('file', 'created'),
    written: done('file', 'wrote to'),
    read: done('file', 'read'),
    sorted: done('file', 'sorted'),
    searched: done('file', 'searched'),
    counted: done('file', 'counted'),
    moved: done('file', 'moved'),
    renamed: done('file', 'renamed'),
    found: done('file', 'found'),
    copied: { once: ['the copy', 'the copy you made'], recent: ['the copy you just made'], last: ['the last copy'] },
  },
  folder: { created: made('folder', 'created'), renamed: done('folder', 'renamed'), holder: holder() },
  tweet: {
    posted: {
      once: ['the tweet you posted', 'the tweet you posted earlier'],
      recent: ['the tweet you just posted'],
      first: ['the first tweet you posted'],
      last: ['the last tweet you posted'],
    },
    found: done('tweet', 'found'),
    retweeted: done('tweet', 'retweeted'),
    read: done('tweet', 'looked up'),
  },
  ticket: {
    created: made('ticket', 'created'),
    read: done('ticket', 'looked up'),
    found: done('ticket', 'found'),
    edited: done('ticket', 'updated'),
    resolved: done('ticket', 'resolved'),
  },
  value: {
    mean: { ...computed('mean'), once: [...computed('mean').once, 'that average', 'the average you computed'] },
    sum: computed('sum'),
    product: computed('product'),
    difference: computed('difference'),
    quotient: computed('quotient'),
    maximum: learned('maximum', 'found'),
    minimum: learned('minimum', 'found'),
    deviation: computed('standard deviation'),
    percentage: computed('percentage'),
    rounded: { once: ['the rounded number', 'the rounded value'] },
    absolute: computed('absolute value'),
    power: { once: ['the power you computed'], recent: ['the power you just computed'] },
    count: learned('count', 'found'),
    price: fetched('price'),
    balance: fetched('balance'),
    cost: fetched('flight price'),
    exchanged: { once: ['the exchanged amount', 'the converted amount'], recent: ['the amount you just converted'] },
    distance: fetched('distance'),
    gallons: { once: ['that many gallons', 'the gallons you computed'], recent: ['the gallons you just computed'] },
    liters: { once: ['that many liters', 'the liters you computed'], recent: ['the liters you just computed'] },
  },
  contact: {
    fetched: done('user', 'looked up'),
    added: made('contact', 'added'),
    messaged: done('user', 'wrote to'),
  },
  stock: {
    fetched: done('stock', 'looked up'),
    watched: { once: ['the stock you added to the watchlist'], recent: ['the stock you just added'] },
    ordered: done('stock', 'placed the order for'),
  },
  order: {
    placed: made('order', 'placed'),
    read: done('order', 'looked up'),
  },
  token: {
    given: { once: ['the token you got', 'the access token from the login'], recent: ['the token you just got'] },
  },
  card: {
    registered: made('card', 'registered'),
    charged: { once: ['the card you paid with'], recent: ['the card you just paid with'] },
    read: { once: ['the card you checked'], recent: ['the card you just checked'] },
  },
  booking: {
    booked: { once: ['the booking you made', 'the flight you booked'], recent: ['the flight you just booked'] },
  },
  airport: {
    fetched: done('airport', 'looked up'),
  },
  zip: {
    fetched: done('zip code', 'looked up'),
  },
  user: {
    followed: done('user', 'followed'),
    unfollowed: done('user', 'unfollowed'),
    checked: done('user', 'looked up'),
  },
  text: {
    content: {
      once: ['the content you read'],
      recent: ['the content you just read'],
      last: ['the last content you read'],
    },
    line: { once: ['the line you found', 'that line'], recent: ['the line you just found'] },
    size: { once: ['the disk usage', 'that disk usage'], recent: ['the size you just found'] },
    path: { once: ['the path you found'], recent: ['that path'] },
  },
  id: {
    ticket: {
      once: ['the ticket id', 'the id of the ticket you created'],
      last: ['the id of the last ticket you created'],
    },
    tweet: { once: ['the tweet id', 'the id of the tweet you posted'], last: ['the id of the last tweet you posted'] },
  },
};
