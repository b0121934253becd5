import { expect, test } from 'vitest';
import { instancesOf } from './class-fixture.js';

const ACCOUNT = `{"TwitterAPI": {"username": "ann", "password": "pw", "tweet_counter": 8, "comments": {"7": [{"x": 1}]},
  "tweets": {"7": {"id": 7, "username": "bob", "content": "Big NEWS", "tags": ["#Fun"], "mentions": []}}}}`;

function account(isLoggedIn = true) {
  const { run } = instancesOf(['TwitterAPI'], ACCOUNT);
  if (isLoggedIn) run("authenticate_twitter('ann', 'pw')");
  return run;
}

test('writing needs a login, reading does not', () => {
  const run = account(false);
  expect(run("authenticate_twitter('ann', 'wrong')")).toBe('{"authentication_status": false}');
  expect(run("post_tweet('x')")).toBe('{"error": "User not authenticated. Please authenticate before posting."}');
  expect(run('list_all_following()')).toBe(
    '{"error": "User not authenticated. Please authenticate before listing following."}',
  );
  expect(run("mention(7, ['@a'])")).toBe('{"mention_status": "Users mentioned successfully"}');
});

test('all tweets posted without mentions share one list of them', () => {
  const run = account();
  run("post_tweet('first')");
  run("mention(8, ['@leak'])");
  expect(run("post_tweet('second', tags=['#t'])")).toBe(
    '{"id": 9, "username": "ann", "content": "second", "tags": ["#t"], "mentions": ["@leak"]}',
  );
  expect(account()("post_tweet('x')")).toContain('"mentions": []');
});

test('tweet ids become ints on loading, ids of comments do not', () => {
  const run = account();
  expect(run('get_tweet(7.0)')).toContain('"content": "Big NEWS"');
  expect(run("get_tweet('7')")).toBe('{"error": "Tweet with ID 7 not found."}');
  expect(run('get_tweet_comments(7)')).toBe('[]');
  run("comment(7, 'hi')");
  expect(run('get_tweet_comments(7)')).toBe("[{'username': 'ann', 'content': 'hi'}]");
});

test('searching ignores case, and matches whole tags only', () => {
  const run = account();
  const tweet = "[{'id': 7, 'username': 'bob', 'content': 'Big NEWS', 'tags': ['#Fun'], 'mentions': []}]";
  expect(run("search_tweets('news')")).toBe(tweet);
  expect(run("search_tweets('#FUN')")).toBe(tweet);
  expect(run("search_tweets('fun')")).toBe('[]');
});

test('following, retweeting and counting', () => {
  const run = account();
  expect(run("follow_user('alice')")).toBe('{"follow_status": false}');
  expect(run("follow_user('zoe')")).toBe('{"follow_status": true}');
  expect(run("unfollow_user('bob')")).toBe('{"unfollow_status": true}');
  expect(run('list_all_following()')).toBe('{"following_list": ["alice", "zoe"]}');
  expect(run('retweet(7)')).toBe('{"retweet_status": "Successfully retweeted"}');
  expect(run('retweet(7.0)')).toBe('{"retweet_status": "Already retweeted"}');
  expect(run("get_user_stats('ann')")).toBe('{"tweet_count": 0, "following_count": 2, "retweet_count": 1}');
});

test('Python exceptions keep their texts', () => {
  const run = account();
  expect(run('get_tweet([1])')).toBe("Error during execution: unhashable type: 'list'");
  expect(run('mention(7, 5)')).toBe("Error during execution: 'int' object is not iterable");
  expect(run('search_tweets(1)')).toBe("Error during execution: 'int' object has no attribute 'lower'");
});
