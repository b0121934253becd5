import { ConfigError } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zipTree } from './source-tree.js';
import { ZipArchive } from './zip-archive.js';

// Written by Python's zipfile: one deflated, one stored, one empty file, a folder, a comment.
const BYTES = Buffer.from(
  'UEsDBBQAAAAIAAAAIVDjUT2NCgAAABcAAAAJAAAAdG9wL2EudHh0y0jNyclXyEAnAVBLAwQUAAAAAAAAACFQWqUvrgkAAAAJAAAADQAAAHRvcC9kaXIvYi50eHRzdG9yZWQgw6lQSwMEFAAAAAgAAAAhUAAAAAACAAAAAAAAAAkAAAB0b3AvZW1wdHkDAFBLAwQUAAAAAAAAACFQAAAAAAAAAAAAAAAABAAAAHRvcC9QSwECFAMUAAAACAAAACFQ41E9jQoAAAAXAAAACQAAAAAAAAAAAAAAgAEAAAAAdG9wL2EudHh0UEsBAhQDFAAAAAAAAAAhUFqlL64JAAAACQAAAA0AAAAAAAAAAAAAAIABMQAAAHRvcC9kaXIvYi50eHRQSwECFAMUAAAACAAAACFQAAAAAAIAAAAAAAAACQAAAAAAAAAAAAAAgAFlAAAAdG9wL2VtcHR5UEsBAhQDFAAAAAAAAAAhUAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAIABjgAAAHRvcC9QSwUGAAAAAAQABADbAAAAsAAAAAkAYSBjb21tZW50',
  'base64',
);

test('deflated, stored and empty files come out as they went in', () => {
  const archive = new ZipArchive(BYTES);
  expect(archive.names()).toEqual(['top/a.txt', 'top/dir/b.txt', 'top/empty', 'top/']);
  expect(archive.read('top/a.txt')?.toString('utf8')).toBe('hello hello hello hello');
  expect(archive.read('top/dir/b.txt')?.toString('utf8')).toBe('stored é');
  expect(archive.read('top/empty')?.length).toBe(0);
  expect(archive.read('a.txt')).toBeUndefined();
});

test('a tree starts below the folder that holds everything', () => {
  const tree = zipTree(BYTES, 'x.zip');
  expect(tree.list('dir')).toEqual(['b.txt']);
  expect(tree.read('a.txt').toString('utf8')).toMatch(/^hello/);
  expect(() => tree.read('nothing')).toThrow(/expected nothing in x\.zip/);
});

test('a file that unpacks to more than stated is refused', () => {
  const bytes = Buffer.from(BYTES);
  const directory = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  bytes.writeUInt32LE(5, directory + 24);
  expect(() => new ZipArchive(bytes).read('top/a.txt')).toThrow(ConfigError);
});

test('broken archives end as errors of ours, whatever is broken', () => {
  fc.assert(
    fc.property(fc.nat(BYTES.length - 1), fc.nat(255), fc.nat(BYTES.length), (at, value, length) => {
      const bytes = Buffer.from(BYTES.subarray(0, length < 40 ? BYTES.length : length));
      if (at < bytes.length) bytes[at] = value;
      try {
        const archive = new ZipArchive(bytes);
        for (const name of archive.names()) archive.read(name);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
    { numRuns: 2000 },
  );
});
