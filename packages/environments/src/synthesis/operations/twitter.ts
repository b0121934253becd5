import type { Entity } from '../entities.js';
import { joinWords } from '../phrasing.js';
import type { TweetModel, TwitterModel } from '../scenario.js';
import type { CallOptions, Clause, PlannedArgument, TurnDraft } from '../turn-draft.js';
import { newTag } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
import type { Operation } from './operation.js';
import { twitterPhrasings as phrasings } from './twitter-phrasings.js';
import { pickUser, userEntity } from './twitter-users.js';
import { changing, fieldOf, spokenArgument, spokenNumber, statedText, unchanged, word } from './wording.js';

interface TwitterOperation {
  readonly name: string;
  readonly methods: readonly string[];
  readonly uses?: Operation['uses'];
  /** Whether the call fails without login. */
  readonly needsLogin: boolean;
  weight(draft: TurnDraft, model: TwitterModel): number;
  run(draft: TurnDraft, model: TwitterModel): Clause | undefined;
}

const operations: readonly TwitterOperation[] = [
  {
    name: 'twitter-login',
    methods: ['authenticate_twitter'],
    needsLogin: false,
    weight: (_draft, model) => (model.authenticated ? 0 : 5),
    run(draft, model) {
      const { username, password } = model;
      const text = word(draft, phrasings.login, { name: `'${username}'`, password: `'${password}'` });
      call(
        draft,
        'authenticate_twitter',
        [statedText(draft, 'username', username), statedText(draft, 'password', password)],
        {
          changes: true,
        },
      );
      model.authenticated = true;
      return { text, message: 'You are logged in to Twitter.' };
    },
  },
  {
    name: 'twitter-status',
    methods: ['posting_get_login_status'],
    needsLogin: false,
    weight: () => 0.15,
    run(draft, model) {
      call(draft, 'posting_get_login_status', [], unchanged);
      const message = model.authenticated ? 'Yes, you are logged in.' : 'No, you are not logged in.';
      return { text: word(draft, phrasings.status), message };
    },
  },
  {
    name: 'post',
    methods: ['post_tweet'],
    uses: ['value', 'text', 'user'],
    needsLogin: true,
    weight: () => 2.5,
    run(draft, model) {
      const { random } = draft;
      const content = chooseText(draft);
      const args: PlannedArgument[] = [spokenArgument('content', content)];
      const extras: string[] = [];
      const mentions = new Set<string>();
      if (random.chance(0.3)) {
        const tag = newTag(random);
        extras.push(random.pick([` with the tag '${tag}'`, ` and tag it '${tag}'`, ` under '${tag}'`]));
        args.push({ name: 'tags', value: [tag], provenance: draft.stated(`'${tag}'`) });
      }
      if (random.chance(0.35)) {
        const user = pickUser(draft, (name) => name !== model.username);
        const spoken = draft.refer(user);
        mentions.add(user.literal);
        extras.push(random.pick([` and mention ${spoken.phrase}`, `, mentioning ${spoken.phrase}`]));
        args.push({ name: 'mentions', value: [user.literal], provenance: spoken.provenance });
      }
      const text = word(draft, phrasings.post, { content: content.phrase, extras: extras.join('') });
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'id')] };
      const id = fieldOf(call(draft, 'post_tweet', args, options), 'id');
      const entity = draft.scenario.registry.add('tweet', id);
      model.tweets.push({
        entity,
        id: Number(id),
        username: model.username,
        content: content.literal,
        sharesMentions: mentions.size === 0,
        mentions,
        retweeted: false,
        commented: false,
      });
      draft.learn(draft.scenario.registry.add('id', id), 'tweet');
      draft.learn(entity, 'posted');
      return { text, focus: entity, message: `Posted as tweet ${id}.` };
    },
  },
  {
    name: 'retweet',
    methods: ['retweet'],
    uses: ['tweet'],
    needsLogin: true,
    weight: (_draft, model) => (model.tweets.some((tweet) => !tweet.retweeted) ? 1 : 0),
    run(draft, model) {
      return onTweet(draft, model, {
        method: 'retweet',
        templates: phrasings.retweet,
        options: changing,
        role: 'retweeted',
        fits: (tweet) => !tweet.retweeted,
        message: 'Retweeted.',
        after: (tweet) => {
          tweet.retweeted = true;
        },
      });
    },
  },
  {
    name: 'comment',
    methods: ['comment'],
    uses: ['tweet', 'value', 'text'],
    needsLogin: true,
    weight: () => 1.6,
    run(draft, model) {
      const tweet = pickTweet(draft, model, () => true);
      if (tweet === undefined) return undefined;
      const content = chooseText(draft, (text) => text !== tweet.content);
      const target = draft.refer(tweet.entity);
      const args = [spokenNumber('tweet_id', target), spokenArgument('comment_content', content)];
      call(draft, 'comment', args, changing);
      tweet.commented = true;
      const text = word(draft, phrasings.comment, { content: content.phrase, tweet: target.phrase });
      return { text, focus: tweet.entity, message: 'Comment added.' };
    },
  },
  {
    name: 'mention',
    methods: ['mention'],
    uses: ['tweet', 'user'],
    needsLogin: false,
    weight: (_draft, model) => (model.tweets.some(hasOwnMentions) ? 1.5 : 0),
    run(draft, model) {
      const tweet = pickTweet(draft, model, hasOwnMentions);
      if (tweet === undefined) return undefined;
      const user = pickUser(
        draft,
        (name) => ![model.username, tweet.username].includes(name) && !tweet.mentions.has(name),
      );
      const spoken = draft.refer(user);
      const target = draft.refer(tweet.entity);
      const args = [
        spokenNumber('tweet_id', target),
        { name: 'mentioned_usernames', value: [user.literal], provenance: spoken.provenance },
      ];
      call(draft, 'mention', args, changing);
      tweet.mentions.add(user.literal);
      const text = word(draft, phrasings.mention, { users: spoken.phrase, tweet: target.phrase });
      return { text, focus: tweet.entity, message: `Mentioned ${user.literal}.` };
    },
  },
  {
    name: 'follow',
    methods: ['follow_user'],
    uses: ['user'],
    needsLogin: true,
    weight: () => 1,
    run(draft, model) {
      const isFree = (name: string): boolean =>
        name !== model.username && !model.following.has(name) && name !== draft.focus?.literal;
      return onUser(draft, pickUser(draft, isFree), {
        method: 'follow_user',
        parameter: 'username_to_follow',
        templates: phrasings.follow,
        options: changing,
        role: 'followed',
        after: (name) => model.following.add(name),
        message: (name) => `You follow ${name} now.`,
      });
    },
  },
  {
    name: 'unfollow',
    methods: ['unfollow_user'],
    uses: ['user'],
    needsLogin: true,
    weight: (_draft, model) => (model.following.size === 0 ? 0 : 0.7),
    run(draft, model) {
      const users = [...model.following].map((name) => userEntity(draft, name)).filter((user) => user !== draft.focus);
      const user = draft.random.pickWeighted(users, (entity) => familiarity(draft, entity));
      return onUser(draft, user, {
        method: 'unfollow_user',
        parameter: 'username_to_unfollow',
        templates: phrasings.unfollow,
        options: changing,
        role: 'unfollowed',
        after: (name) => model.following.delete(name),
        message: (name) => `You no longer follow ${name}.`,
      });
    },
  },
  {
    name: 'following',
    methods: ['list_all_following'],
    needsLogin: true,
    weight: () => 0.5,
    run(draft, model) {
      call(draft, 'list_all_following', [], unchanged);
      const names = [...model.following];
      draft.surface(names.map((name) => userEntity(draft, name)));
      const message = names.length === 0 ? 'You follow nobody.' : `You follow ${joinWords(names)}.`;
      return { text: word(draft, phrasings.following), message };
    },
  },
  {
    name: 'get-tweet',
    methods: ['get_tweet'],
    uses: ['tweet'],
    needsLogin: false,
    weight: (_draft, model) => (model.tweets.length === 0 ? 0 : 0.8),
    run(draft, model) {
      return onTweet(draft, model, {
        method: 'get_tweet',
        templates: phrasings.getTweet,
        options: unchanged,
        role: 'read',
        message: 'Here is the tweet.',
      });
    },
  },
  {
    name: 'user-tweets',
    methods: ['get_user_tweets'],
    uses: ['user'],
    needsLogin: false,
    weight: () => 0.6,
    run(draft, model) {
      const authors = [...new Set(model.tweets.map((tweet) => tweet.username))];
      const user = draft.random.pickWeighted(
        authors.map((name) => userEntity(draft, name)),
        (entity) => familiarity(draft, entity),
      );
      if (user === undefined) return undefined;
      const tweets = model.tweets.filter((tweet) => tweet.username === user.literal);
      const spoken = draft.refer(user);
      const args = [spokenArgument('username', spoken)];
      const focus = discover(draft, tweets, () => call(draft, 'get_user_tweets', args, findings(tweets)));
      draft.mark(user, 'checked');
      const message = tweets.length === 1 ? `Found tweet ${tweets[0]!.id}.` : `Found ${tweets.length} tweets.`;
      return { text: word(draft, phrasings.userTweets, { user: spoken.phrase }), focus, message };
    },
  },
  {
    name: 'search-tweets',
    methods: ['search_tweets'],
    needsLogin: false,
    weight: (_draft, model) => (model.tweets.length === 0 ? 0 : 0.9),
    run(draft, model) {
      const tweet = draft.random.pickWeighted(model.tweets, ({ entity }) => (entity.known === undefined ? 4 : 1));
      if (tweet === undefined) return undefined;
      const keyword = draft.random.pick(tweet.content.split(/\s+/));
      const tweets = model.tweets.filter(({ content }) => content.includes(keyword));
      const args = [statedText(draft, 'keyword', keyword)];
      const focus = discover(draft, tweets, () => call(draft, 'search_tweets', args, findings(tweets)));
      const message = tweets.length === 1 ? `Found tweet ${tweets[0]!.id}.` : `Found ${tweets.length} tweets.`;
      return { text: word(draft, phrasings.search, { keyword: `'${keyword}'` }), focus, message };
    },
  },
  {
    name: 'tweet-comments',
    methods: ['get_tweet_comments'],
    uses: ['tweet'],
    needsLogin: false,
    weight: (_draft, model) => (model.tweets.some((tweet) => tweet.commented) ? 1 : 0),
    run(draft, model) {
      return onTweet(draft, model, {
        method: 'get_tweet_comments',
        templates: phrasings.comments,
        options: unchanged,
        fits: (tweet) => tweet.commented,
        message: 'Here are the comments.',
      });
    },
  },
  {
    name: 'user-stats',
    methods: ['get_user_stats'],
    uses: ['user'],
    needsLogin: false,
    weight: () => 0.5,
    run(draft, model) {
      const users = [model.username, ...model.tweets.map((tweet) => tweet.username)].map((name) =>
        userEntity(draft, name),
      );
      const user = draft.random.pickWeighted([...new Set(users)], (entity) => familiarity(draft, entity));
      return onUser(draft, user, {
        method: 'get_user_stats',
        parameter: 'username',
        templates: phrasings.stats,
        options: unchanged,
        role: 'checked',
        message: () => 'Here are the stats.',
      });
    },
  },
];

/** Operations on TwitterAPI: all 14 methods. */
export const twitterOperations: readonly Operation[] = operations.map(
  ({ name, methods, uses = [], needsLogin, weight, run }) => ({
    name,
    className: 'TwitterAPI',
    methods,
    uses,
    weight: (draft) => {
      const model = draft.scenario.twitter;
      if (model === undefined || (needsLogin && !model.authenticated)) return 0;
      return weight(draft, model);
    },
    run: (draft) => (draft.scenario.twitter === undefined ? undefined : run(draft, draft.scenario.twitter)),
  }),
);

interface TweetCall {
  readonly method: string;
  readonly templates: readonly string[];
  readonly options: CallOptions;
  /** What the call does to the tweet. */
  readonly role?: string;
  readonly fits?: (tweet: TweetModel) => boolean;
  readonly message: string;
  after?(tweet: TweetModel): void;
}

/** A call whose only argument is a tweet. */
function onTweet(draft: TurnDraft, model: TwitterModel, plan: TweetCall): Clause | undefined {
  const { method, templates, options, role, fits = () => true, message } = plan;
  const tweet = pickTweet(draft, model, fits);
  if (tweet === undefined) return undefined;
  const target = draft.refer(tweet.entity);
  call(draft, method, [spokenNumber('tweet_id', target)], options);
  if (role !== undefined) draft.mark(tweet.entity, role);
  plan.after?.(tweet);
  surfaceAuthors(draft, [tweet]);
  return { text: word(draft, templates, { tweet: target.phrase }), focus: tweet.entity, message };
}

interface UserCall {
  readonly method: string;
  readonly parameter: string;
  readonly templates: readonly string[];
  readonly options: CallOptions;
  /** What the call does to the user. */
  readonly role: string;
  after?(name: string): unknown;
  message(name: string): string;
}

/** A call whose only argument is a user. */
function onUser(draft: TurnDraft, user: Entity | undefined, plan: UserCall): Clause | undefined {
  if (user === undefined) return undefined;
  const { method, parameter, templates, options, role } = plan;
  const spoken = draft.refer(user);
  call(draft, method, [spokenArgument(parameter, spoken)], options);
  plan.after?.(user.literal);
  draft.mark(user, role);
  return { text: word(draft, templates, { user: spoken.phrase }), focus: user, message: plan.message(user.literal) };
}

/** Runs a search; a single unknown tweet among its results becomes known by its id. */
function discover(draft: TurnDraft, tweets: readonly TweetModel[], run: () => void): Entity | undefined {
  run();
  const [tweet] = tweets;
  draft.surface(tweets.map(({ entity }) => entity));
  surfaceAuthors(draft, tweets);
  if (tweet === undefined || tweets.length !== 1) return undefined;
  draft.learnIfNew(tweet.entity, 'found');
  return tweet.entity;
}

/** After a tweet was shown, "that user" could be its author. */
function surfaceAuthors(draft: TurnDraft, tweets: readonly TweetModel[]): void {
  draft.surface(tweets.map(({ username }) => userEntity(draft, username)));
}

function findings(tweets: readonly TweetModel[]): CallOptions {
  const unknown = tweets.filter((tweet) => tweet.entity.known === undefined).map((tweet) => tweet.entity.literal);
  return { changes: false, answers: () => unknown };
}

function pickTweet(
  draft: TurnDraft,
  model: TwitterModel,
  fits: (tweet: TweetModel) => boolean,
): TweetModel | undefined {
  return draft.random.pickWeighted(model.tweets.filter(fits), (tweet) => familiarity(draft, tweet.entity));
}

/**
 * Tweets posted without mentions share one list for the whole process (a quirk of the reference), also between the two
 * sides of the checker: a mention there would show twice in later results.
 */
function hasOwnMentions(tweet: TweetModel): boolean {
  return !tweet.sharesMentions;
}

function call(draft: TurnDraft, method: string, args: readonly PlannedArgument[], options: CallOptions): unknown {
  return draft.call('TwitterAPI', method, args, options);
}
