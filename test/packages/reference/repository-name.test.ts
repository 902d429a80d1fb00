import { isRepositoryName, parseRepository } from '@vidimus/reference';
import { describe, expect, it } from 'vitest';

describe('parseRepository', () => {
  it('splits a normalised name into registry and path', () => {
    expect(parseRepository('Registry.example.com:5000/team/app')).toEqual({
      name: 'registry.example.com:5000/team/app',
      registry: 'registry.example.com:5000',
      path: 'team/app',
    });
  });

  it('takes the directory, and only as the whole name', () => {
    expect(parseRepository('_directory').name).toBe('_directory');
    expect(isRepositoryName('_directory')).toBe(true);
    expect(isRepositoryName('registry.example.com/_directory')).toBe(false);
    expect(isRepositoryName('_directory/app')).toBe(false);
  });

  it('takes 255 bytes and refuses 256', () => {
    const host = 'registry.example.com/';
    expect(isRepositoryName(host + 'a'.repeat(255 - host.length))).toBe(true);
    expect(isRepositoryName(host + 'a'.repeat(256 - host.length))).toBe(false);
  });

  it('refuses a tag or a digest behind the name', () => {
    expect(() => parseRepository('registry.example.com/app:1')).toThrow();
    expect(() => parseRepository(`registry.example.com/app@sha256:${'a'.repeat(64)}`)).toThrow();
  });
});

describe('isRepositoryName', () => {
  it.each(['postgres', 'team/app', 'index.docker.io/a/b', 'Registry.example.com/a', 'docker.io/a'])(
    'is false for %s, which has another normal form',
    (text) => expect(isRepositoryName(text)).toBe(false),
  );

  it('is true for its own answers', () => {
    expect(isRepositoryName(parseRepository('postgres').name)).toBe(true);
  });
});
