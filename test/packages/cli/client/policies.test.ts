import { describe, expect, it } from 'vitest';
import { bundleFor, readPolicyFiles } from '../../../../packages/cli/src/client/policies.ts';
import { contextForTest } from '../context-for-test.ts';
import { temporaryDirectory, write } from '../temporary-files.ts';

const directory = temporaryDirectory();
const repository = 'registry.example.com/team/app';
const policy = (name: string): string =>
  [
    'apiVersion: vidimus.dev/v1',
    'kind: TrustPolicy',
    `metadata: {name: ${name}}`,
    'spec:',
    '  match: {images: ["**"]}',
    '  rules:',
    '    - {id: vouched, require: {signatures: {allOf: [{tufRole: targets}]}}}',
    '',
  ].join('\n');
const own = write(directory, 'own.yaml', policy('own'));
const other = write(directory, 'other.yaml', policy('other'));

function context(more: string) {
  const text = `version: 1\nrepositories:\n  - {match: "**"${more}}\n`;
  const systemFile = write(directory, 'system.yaml', text);
  return contextForTest({ files: { systemFile } });
}
const names = (named?: string, more = ''): readonly string[] =>
  bundleFor(context(more), repository, named).policies.map((one) => one.name);

describe('the policies of a repository', () => {
  it("are the flag's, else the configuration's, else the built-in ones", () => {
    expect(names(other, ', policies: [own.yaml]')).toEqual(['other']);
    expect(names(undefined, ', policies: [own.yaml]')).toEqual(['own']);
    expect(names()).toEqual(['built-in']);
  });

  it("cannot be replaced where the system's entry is final", () => {
    expect(names(undefined, ', policies: [own.yaml], final: true')).toEqual(['own']);
    expect(() => names(other, ', policies: [own.yaml], final: true')).toThrow(/fixes the policies/);
  });

  it('are refused with the position of what is wrong', () => {
    const broken = write(directory, 'broken.yaml', policy('broken').replace('tufRole', 'tufRoel'));
    expect(() => names(broken)).toThrow(/broken\.yaml:7:/);
    expect(() => names(`${directory}/absent.yaml`)).toThrow(/cannot read the policy/);
  });

  it('take from `unavailable` only what unknown evidence means to rules that may let it pass and do not say', () => {
    const rules = [
      '    - {id: silent, require: {reference: {tagMoved: deny}}}',
      '    - {id: strict, onUnknown: deny, require: {reference: {tagMoved: deny}}}',
      '    - {id: fresh, require: {metadata: {}}}',
      '    - {id: clean, require: {revocation: {revoked: deny}}}',
    ];
    write(directory, 'more.yaml', `${policy('more')}${rules.join('\n')}\n`);
    const bundle = (more: string) =>
      bundleFor(context(`, policies: [more.yaml]${more}`), repository, undefined);
    const unknown = (more: string) =>
      bundle(more).policies[0]?.rules.map(({ id, onUnknown }) => `${id} ${onUnknown}`);
    const closed = ['vouched deny', 'silent deny', 'strict deny', 'fresh deny', 'clean deny'];
    expect(unknown('')).toEqual(closed);
    expect(unknown(', unavailable: closed')).toEqual(closed);
    expect(unknown(', unavailable: warn')).toEqual(
      closed.map((one) => one.replace('silent deny', 'silent warn')),
    );
    expect(unknown(', unavailable: open')).toEqual(
      closed.map((one) => one.replace('silent deny', 'silent allow')),
    );
    const digests = ['', ', unavailable: closed', ', unavailable: warn'].map((more) => bundle(more).digest);
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
  });

  it('of a directory are its YAML files, in order', () => {
    expect(readPolicyFiles([own, other]).map(({ file }) => file)).toEqual([own, other]);
  });
});
