/** `oidc`, `mtls` and `approvals` of the service's file: what is wrong keeps the service from starting. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAccess } from '../../../../packages/cli/src/serve/access-settings.ts';
import { readServeSettings } from '../../../../packages/cli/src/serve/serve-settings.ts';

let directory: string;
const ca = fileURLToPath(new URL('../../../vectors/client-certificates/ca.cert.pem', import.meta.url));
const identities = '[{san: "DNS:ci.example.com", role: signer, repositories: ["r.example/**"]}]';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vdm-access-'));
  writeFileSync(join(directory, 'empty.pem'), '');
  writeFileSync(join(directory, 'page.pem'), '<html></html>');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const read = (yaml: string, hasTls = true) => {
  const config = join(directory, 'service.yaml');
  writeFileSync(config, `version: 1\nservice:\n${yaml.replace(/^/gm, '  ')}\n`);
  const { service, configFile } = readServeSettings({ config }, {});
  return readAccess(service, { configFile, hasTls, now: () => 0 });
};
const codeOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
  return 'taken';
};

describe('access of the service', () => {
  it('is by tokens alone, and needs no second person, unless told otherwise', () => {
    const access = read('access: token');
    expect(access.approvals).toEqual([]);
    expect([access.certificates, access.clientAuthorities]).toEqual([undefined, undefined]);
  });

  it('is as the file says', () => {
    const access = read(
      `oidc: [{issuer: "https://ci.example.com", audience: vidimus, algorithms: [ES256], subjects: [{claims: {sub: x}, role: signer, repositories: ["r.example/**"]}]}]
mtls: {ca: ${ca}, identities: ${identities}}
approvals: {rules: [{repositories: "r.example/**", calls: [delete, root]}]}`,
    );
    expect(access.approvals).toEqual([
      { repositories: 'r.example/**', calls: ['delete', 'root'], approvers: 1 },
    ]);
    expect(access.clientAuthorities).toContain('BEGIN CERTIFICATE');
    expect(access.certificates).toBeDefined();
  });

  it.each([
    ['client certificates without TLS', `mtls: {ca: ${ca}, identities: ${identities}}`, false],
    ['an authority that is not there', `mtls: {ca: nowhere.pem, identities: ${identities}}`, true],
    // Node would take an empty list for every public authority.
    ['an empty authority', `mtls: {ca: empty.pem, identities: ${identities}}`, true],
    ['an authority that is a web page', `mtls: {ca: page.pem, identities: ${identities}}`, true],
    ['no identities', `mtls: {ca: ${ca}, identities: []}`, true],
    [
      'an issuer without subjects',
      'oidc: [{issuer: "https://a.example", audience: a, algorithms: [ES256], subjects: []}]',
      true,
    ],
    [
      'HMAC',
      'oidc: [{issuer: "https://a.example", audience: a, algorithms: [HS256], subjects: [{claims: {sub: x}, role: signer, repositories: ["**"]}]}]',
      true,
    ],
    ['a rule of no call', 'approvals: {rules: [{repositories: "**", calls: []}]}', true],
    ['a rule of a call there is not', 'approvals: {rules: [{repositories: "**", calls: [rotate]}]}', true],
    [
      'a rule nobody has to approve',
      'approvals: {rules: [{repositories: "**", calls: [root], approvers: 0}]}',
      true,
    ],
    ['a rule for no glob', 'approvals: {rules: [{repositories: "A**", calls: [root]}]}', true],
    ['a member it does not know', 'approvals: {rules: [], off: true}', true],
  ])('refuses %s', (_what, yaml, hasTls) => {
    expect(codeOf(() => read(yaml, hasTls))).toBe('CONFIG_INVALID');
  });
});
