import { expect, it } from 'vitest';
import { type RedirectRule, redirectTarget } from '../../../packages/oci/src/redirects.ts';

const https = 'https://registry.example.com/v2/a/blobs/x';
const http = 'http://registry.lan/v2/a/blobs/x';
const loopback = 'http://127.0.0.1:5000/v2/a/blobs/x';

it.each<[string, string, RedirectRule, string]>([
  [https, 'https://store.example.com/x?sig=1#frag', 'anywhere', 'https://store.example.com/x?sig=1'],
  [https, '/elsewhere', 'same-origin', 'https://registry.example.com/elsewhere'],
  [https, '//registry.example.com/other', 'same-origin', 'https://registry.example.com/other'],
  [http, 'https://store.example.com/x', 'anywhere', 'https://store.example.com/x'],
  [http, 'http://registry.lan/other', 'anywhere', 'http://registry.lan/other'],
  [http, 'http://plain.lan/x', 'anywhere', 'http://plain.lan/x'],
  [loopback, 'http://localhost:9000/x', 'anywhere', 'http://localhost:9000/x'],
])('goes from %s to %s (%s)', (from, location, rule, expected) => {
  expect(target(from, location, rule)).toBe(expected);
});

it.each<[string, string | undefined, RedirectRule]>([
  [https, 'https://registry.example.com/x', 'none'],
  [https, 'https://other.example.com/x', 'same-origin'],
  [https, 'https://registry.example.com:8443/x', 'same-origin'],
  [https, '//other.example.com/x', 'same-origin'],
  [https, 'http://registry.example.com/x', 'anywhere'],
  [https, 'http://plain.lan/x', 'anywhere'],
  [https, 'https://user:secret@store.example.com/x', 'anywhere'],
  [https, 'ftp://store.example.com/x', 'anywhere'],
  [https, 'https://', 'anywhere'],
  [https, undefined, 'anywhere'],
  [http, 'http://169.254.169.254/latest/meta-data', 'anywhere'],
  [http, 'http://127.0.0.1:2375/containers', 'anywhere'],
  [loopback, 'http://10.0.0.1/x', 'anywhere'],
])('does not go from %s to %s (%s)', (from, location, rule) => {
  expect(() => target(from, location, rule)).toThrow(
    expect.objectContaining({ code: 'UNUSABLE', detail: expect.objectContaining({ reason: 'redirect' }) }),
  );
});

function target(from: string, location: string | undefined, rule: RedirectRule): string {
  return redirectTarget(new URL(from), location, rule, (host) => host === 'plain.lan').href;
}
