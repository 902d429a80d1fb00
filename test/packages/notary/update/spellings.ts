/** Spellings of one document that its own client never uses, and that every client reads. */
import type { JsonObject } from '@vidimus/canonical-json';
import { sealText, type WireKey } from './wire-client.ts';

/** Files by what is odd about them. */
export function spellingsOf(signed: JsonObject, key: WireKey): Readonly<Record<string, string>> {
  const usual = sealText(signed, key);
  const [before = '', after = ''] = usual.split(',"signatures":');
  return {
    'not escaped as Go does': usual,
    'escaped as Go does': usual
      .replaceAll('<', '\\u003c')
      .replaceAll('>', '\\u003e')
      .replaceAll('&', '\\u0026'),
    'pretty-printed': JSON.stringify(JSON.parse(usual), undefined, 2),
    'signatures first': `{"signatures":${after.slice(0, -1)},${before.slice(1)}}`,
    'a newline at the end': `${usual}\n`,
    'an unknown member inside signed': sealText({ ...signed, spec_version: '1.0' }, key),
    'no delegations': sealText(omit(signed, 'delegations'), key),
    'delegations of nothing': sealText({ ...signed, delegations: { keys: null, roles: null } }, key),
  };
}

export function omit(value: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}
