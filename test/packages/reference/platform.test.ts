import { formatPlatform, matchesPlatform, parsePlatform, ReferenceFormatError } from '@vidimus/reference';
import { describe, expect, it } from 'vitest';

describe('parsePlatform', () => {
  it.each([
    ['linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64', 'linux/arm64'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['Linux/AMD64', 'linux/amd64'],
    ['macos/arm64', 'darwin/arm64'],
    ['amd64', 'linux/amd64'],
    ['aarch64', 'linux/arm64'],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'],
    ['unknown/unknown', 'unknown/unknown'],
  ])('reads %s as %s, and its own print the same', (text, expected) => {
    const platform = parsePlatform(text);
    expect(formatPlatform(platform)).toBe(expected);
    expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
  });

  it.each([
    '',
    'linux',
    'linux/',
    '/amd64',
    'linux/amd64/v1/x',
    'linux/am d64',
    'lin*/amd64',
    'a'.repeat(5000),
  ])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(ReferenceFormatError);
  });
});

describe('matchesPlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm/v7', 'linux/arm/v6', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/amd64/v3', 'linux/amd64', true],
    ['linux/amd64', 'linux/amd64/v3', false],
    ['windows/amd64', 'windows(10.0.17763)/amd64', true],
    ['windows(10.0.20348)/amd64', 'windows(10.0.17763)/amd64', false],
  ])('wanted %s, offered %s: %s', (wanted, offered, expected) => {
    expect(matchesPlatform(parsePlatform(wanted), parsePlatform(offered))).toBe(expected);
  });
});
