import { type ApiClass, errorResult, loadAttribute, parameter } from '../api-class.js';
import { pyContains, pyEquals } from '../python/compare.js';
import { toInt } from '../python/numbers.js';
import { dictFor, dictItem, listFor, textFor } from '../python/object-access.js';
import { applyInPlace } from '../python/operators.js';
import { pyStr } from '../python/render.js';
import { isTruthy, iterate, lengthOf, PyDict, type PyValue, typeError, typeName } from '../python/value.js';

type TwitterState = {
  username: PyValue;
  password: PyValue;
  authenticated: PyValue;
  tweets: PyDict;
  comments: PyValue;
  retweets: PyValue;
  following_list: PyValue;
  tweet_counter: PyValue;
};

const tweetId = parameter('tweet_id', 'integer', 'Id of the tweet.');
const texts = { type: 'array', items: { type: 'string' } };

/** Tweets, comments and followers of one account; writing needs a login, reading does not. */
export const twitterApi: ApiClass<TwitterState> = {
  name: 'TwitterAPI',

  load(config) {
    return {
      username: loadAttribute(config, 'username', 'john'),
      password: loadAttribute(config, 'password', 'john123'),
      authenticated: loadAttribute(config, 'authenticated', false),
      tweets: withIntKeys(loadAttribute(config, 'tweets', new PyDict())),
      comments: loadAttribute(config, 'comments', new PyDict()),
      retweets: loadAttribute(config, 'retweets', new PyDict()),
      following_list: loadAttribute(config, 'following_list', ['alice', 'bob']),
      tweet_counter: loadAttribute(config, 'tweet_counter', 0n),
    };
  },

  methods: {
    authenticate_twitter: {
      description: 'Log in to the account.',
      parameters: [
        parameter('username', 'string', 'Name of the account.'),
        parameter('password', 'string', 'Password of the account.'),
      ],
      run(state, username = null, password = null) {
        const isValid = pyEquals(username, state.username) && pyEquals(password, state.password);
        if (isValid) state.authenticated = true;
        return PyDict.of({ authentication_status: isValid });
      },
    },

    posting_get_login_status: {
      description: 'Show whether the account is logged in.',
      parameters: [],
      run(state) {
        return PyDict.of({ login_status: isTruthy(state.authenticated) });
      },
    },

    post_tweet: {
      description: 'Post a tweet.',
      parameters: [
        parameter('content', 'string', 'Text of the tweet.'),
        parameter('tags', texts, 'Hash tags, each with its #.', () => []),
        parameter('mentions', texts, 'Users mentioned, each with its @.', () => []),
      ],
      run(state, content = null, tags = null, mentions = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('posting');
        const { username, tweet_counter: id } = state;
        const tweet = PyDict.of({ id, username, content, tags, mentions });
        state.tweets.set(id, tweet);
        state.tweet_counter = applyInPlace('+', id, 1n);
        return tweet;
      },
    },

    retweet: {
      description: 'Retweet a tweet.',
      parameters: [tweetId],
      run(state, id = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('retweeting');
        if (!state.tweets.has(id)) return unknownTweet(id);
        const own = listOf(requireDict(state.retweets), state.username);
        if (own.some((known) => pyEquals(known, id))) return PyDict.of({ retweet_status: 'Already retweeted' });
        own.push(id);
        return PyDict.of({ retweet_status: 'Successfully retweeted' });
      },
    },

    comment: {
      description: 'Comment on a tweet.',
      parameters: [tweetId, parameter('comment_content', 'string', 'Text of the comment.')],
      run(state, id = null, content = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('commenting');
        if (!state.tweets.has(id)) return unknownTweet(id);
        listOf(requireDict(state.comments), id).push(PyDict.of({ username: state.username, content }));
        return PyDict.of({ comment_status: 'Comment added successfully' });
      },
    },

    mention: {
      description: 'Add users to those that a tweet mentions.',
      parameters: [tweetId, parameter('mentioned_usernames', texts, 'Users to mention.')],
      run(state, id = null, usernames = null) {
        const tweet = state.tweets.get(id);
        if (tweet === undefined) return unknownTweet(id);
        const mentions = listFor(dictItem(tweet, 'mentions'), 'extend');
        for (const username of iterate(usernames)) mentions.push(username);
        return PyDict.of({ mention_status: 'Users mentioned successfully' });
      },
    },

    follow_user: {
      description: 'Follow a user.',
      parameters: [parameter('username_to_follow', 'string', 'User to follow.')],
      run(state, username = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('following');
        if (pyContains(state.following_list, username)) return PyDict.of({ follow_status: false });
        listFor(state.following_list, 'append').push(username);
        return PyDict.of({ follow_status: true });
      },
    },

    list_all_following: {
      description: 'List the users that the account follows.',
      parameters: [],
      run(state) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('listing following');
        return PyDict.of({ following_list: state.following_list });
      },
    },

    unfollow_user: {
      description: 'Stop following a user.',
      parameters: [parameter('username_to_unfollow', 'string', 'User to stop following.')],
      run(state, username = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('unfollowing');
        if (!pyContains(state.following_list, username)) return PyDict.of({ unfollow_status: false });
        const following = listFor(state.following_list, 'remove');
        following.splice(
          following.findIndex((known) => pyEquals(known, username)),
          1,
        );
        return PyDict.of({ unfollow_status: true });
      },
    },

    get_tweet: {
      description: 'Show a tweet.',
      parameters: [tweetId],
      run(state, id = null) {
        return state.tweets.get(id) ?? unknownTweet(id);
      },
    },

    get_user_tweets: {
      description: 'List the tweets of a user.',
      parameters: [parameter('username', 'string', 'Author of the tweets.')],
      run(state, username = null) {
        return tweetsOf(state, username);
      },
    },

    search_tweets: {
      description: 'List the tweets whose text contains a keyword, or that have it as a tag.',
      parameters: [parameter('keyword', 'string', 'Keyword; case does not matter.')],
      run(state, keyword = null) {
        return state.tweets.values().filter((tweet) => {
          const wanted = lower(keyword);
          if (pyContains(lower(dictItem(tweet, 'content')), wanted)) return true;
          return iterate(dictItem(tweet, 'tags'))
            .map((tag) => lower(tag))
            .includes(wanted);
        });
      },
    },

    get_tweet_comments: {
      description: 'List the comments on a tweet.',
      parameters: [tweetId],
      run(state, id = null) {
        if (!state.tweets.has(id)) return unknownTweet(id);
        return requireDict(state.comments).get(id) ?? [];
      },
    },

    get_user_stats: {
      description: 'Count the tweets, followed users and retweets of a user.',
      parameters: [parameter('username', 'string', 'User to count for.')],
      run(state, username = null) {
        const tweets = tweetsOf(state, username).length;
        const following = pyEquals(username, state.username) ? lengthOf(state.following_list) : 0;
        const retweets = lengthOf(dictFor(state.retweets, 'get').get(username) ?? []);
        return PyDict.of({
          tweet_count: BigInt(tweets),
          following_count: BigInt(following),
          retweet_count: BigInt(retweets),
        });
      },
    },
  },
};

/** Tweet ids arrive as JSON keys; comments and retweets keep theirs as texts, so a loaded comment is never found by id. */
function withIntKeys(tweets: PyValue): PyDict {
  return new PyDict(Array.from(requireDict(tweets).entries(), ([id, tweet]) => [toInt(id), tweet]));
}

function requireDict(value: PyValue): PyDict {
  if (value instanceof PyDict) return value;
  throw typeError(`argument of type '${typeName(value)}' is not iterable`);
}

function notAuthenticated(activity: string): PyDict {
  return errorResult(`User not authenticated. Please authenticate before ${activity}.`);
}

function unknownTweet(id: PyValue): PyDict {
  return errorResult(`Tweet with ID ${pyStr(id)} not found.`);
}

function lower(value: PyValue): string {
  return textFor(value, 'lower').toLowerCase();
}

function tweetsOf(state: TwitterState, username: PyValue): PyValue[] {
  return state.tweets.values().filter((tweet) => pyEquals(dictItem(tweet, 'username'), username));
}

/** The list under a key, made when absent. */
function listOf(dict: PyDict, key: PyValue): PyValue[] {
  const known = dict.get(key);
  if (known === undefined) {
    const created: PyValue[] = [];
    dict.set(key, created);
    return created;
  }
  return listFor(known, 'append');
}
