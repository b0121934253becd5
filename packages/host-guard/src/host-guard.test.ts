import { describe, expect, test } from 'vitest';
import { checkListenAddress } from './host-guard.js';

describe('where the server listens', () => {
  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('%s is loopback', (host) => {
    expect(() => checkListenAddress(host, false)).not.toThrow();
  });

  test.each(['0.0.0.0', '::', '192.168.1.2', 'example.org', '127.0.0.1.example.org', '::ffff:10.0.0.1'])(
    '%s needs the flag that says there is no authentication',
    (host) => {
      expect(() => checkListenAddress(host, false)).toThrow(/add --allow-remote-without-authentication$/);
      expect(() => checkListenAddress(host, true)).not.toThrow();
    },
  );
});
