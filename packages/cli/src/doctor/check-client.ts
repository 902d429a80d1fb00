/** Checks of the machine itself: configuration, policies, programs that pull. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import { listAnchors } from '@vidimus/trust-client';
import { configuredDirectory } from '../client/directory-settings.ts';
import { openCache } from '../client/open-client.ts';
import { bundleFor } from '../client/policies.ts';
import type { Context } from '../context.ts';
import { toCliError } from '../failures.ts';
import { isInstalled } from '../pull/installed.ts';
import { pullPrograms } from '../pull/pull-with.ts';
import type { DoctorFinding } from './finding.ts';

/** Files read, entries, anchors. */
export async function checkConfig(context: Context): Promise<readonly DoctorFinding[]> {
  const { files } = context.config();
  const read = files.map(({ file, config }) => `${file} (${config.repositories.length} entries)`);
  const anchors = await listAnchors(openCache(context));
  const directory =
    configuredDirectory(context) ?? anchors.find(({ repository }) => repository === DIRECTORY_NAME);
  const findings: DoctorFinding[] = [
    { group: 'config', state: 'ok', text: read.length === 0 ? 'no file, defaults hold' : read.join(', ') },
    {
      group: 'config',
      state: 'ok',
      text: `${anchors.length} anchors pinned here${anchors.length === 0 ? '' : ': vidimus anchor list'}`,
    },
  ];
  if (directory !== undefined) {
    const name = directory.name === undefined ? '' : `${directory.name} `;
    findings.push({
      group: 'config',
      state: 'ok',
      text: `anchor of all repositories: ${name}directory (pinned)`,
    });
  }
  for (const { file, config } of files) {
    for (const { match, anchor } of config.repositories) {
      if (anchor !== 'firstUse') continue;
      const text = `${file} trusts the first root it sees for ${match}`;
      findings.push({ group: 'config', state: 'warn', text, fix: 'pin it: vidimus anchor pin' });
    }
  }
  return findings;
}

/** Whether the policies of every configured entry compile. */
export async function checkPolicies(context: Context): Promise<readonly DoctorFinding[]> {
  const entries = context.config().files.flatMap(({ config }) => config.repositories);
  const named = entries.filter((entry) => entry.policies !== undefined);
  if (named.length === 0) {
    return [{ group: 'policy', state: 'ok', text: 'built-in: targets vouches, not revoked, metadata fresh' }];
  }
  return named.map((entry): DoctorFinding => {
    try {
      const bundle = bundleFor(context, entry.match, undefined);
      return { group: 'policy', state: 'ok', text: `${bundle.policies.length} policies for ${entry.match}` };
    } catch (error) {
      const { message, hint } = toCliError(error);
      return { group: 'policy', state: 'FAIL', text: message, ...(hint === undefined ? {} : { fix: hint }) };
    }
  });
}

/** Who can pull here, and settings that look like protection and are none. */
export async function checkPulls(context: Context): Promise<readonly DoctorFinding[]> {
  const { environment } = context.world;
  const found = pullPrograms.filter((program) => isInstalled(program, environment));
  const programs: DoctorFinding =
    found.length === 0
      ? {
          group: 'pulls',
          state: 'warn',
          text: 'no engine found',
          fix: 'vidimus pull IMAGE --to oci:DIR needs none',
        }
      : { group: 'pulls', state: 'ok', text: `vidimus pull works with ${found.join(', ')}` };
  if (environment['DOCKER_CONTENT_TRUST'] !== '1') return [programs];
  return [
    programs,
    {
      group: 'pulls',
      state: 'warn',
      text: 'DOCKER_CONTENT_TRUST=1 is set, but Docker 29 and later ignore it: it protects nothing there',
      fix: 'pull with: vidimus pull IMAGE',
    },
  ];
}
