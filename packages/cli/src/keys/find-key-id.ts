/** The key that the beginning of an id means: in a repository, else here, else in the repositories that are pinned here. */
import { parseRepository, printable } from '@vidimus/reference';
import { type KeyDetail, listAnchors } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { openKeys } from '../publish/own-keys.ts';
import { unlessRefused, withPublisher } from '../publish/with-publisher.ts';

const wholeId = /^[0-9a-f]{64}$/;
const prefix = /^[0-9a-f]{4,64}$/;

/** @throws CliError KEY_UNKNOWN, USAGE */
export async function findKeyId(
  context: Context,
  text: string,
  repository: string | undefined,
): Promise<string> {
  if (!prefix.test(text)) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `${printable(text)} is no id of a key`,
      'at least 4 hex digits: vidimus key impact 7c1e',
    );
  }
  if (repository !== undefined) {
    const keys = await keysOf(context, parseRepository(repository).name);
    return onlyOne(text, matching(keys, text), `in ${repository}`);
  }
  if (wholeId.test(text)) return text;
  const own = (await openKeys(context).list()).map(({ keyId }) => keyId).filter((id) => id.startsWith(text));
  if (own.length > 0) return onlyOne(text, own, 'here');
  const found: string[] = [];
  for (const { repository: name } of await listAnchors(openCache(context))) {
    const keys = await unlessRefused(['REPOSITORY_UNKNOWN', 'DENIED', 'UNAUTHORIZED'], keysOf(context, name));
    found.push(...matching(keys ?? [], text));
  }
  return onlyOne(text, found, 'here or in a repository that is pinned here');
}

async function keysOf(context: Context, repository: string): Promise<readonly KeyDetail[]> {
  context.terminal.progress(`asking for keys of ${repository} ...`);
  return await withPublisher(context, repository, (publisher) => publisher.keys(repository));
}

/** A key is found by any of its ids, and answered by the one that the API lists it under. */
function matching(keys: readonly KeyDetail[], text: string): readonly string[] {
  return keys
    .filter(({ keyId, aliases }) => [keyId, ...aliases].some((id) => id.startsWith(text)))
    .map(({ keyId }) => keyId);
}

function onlyOne(text: string, found: readonly string[], where: string): string {
  const [first, second] = new Set(found);
  if (first !== undefined && second === undefined) return first;
  if (second !== undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `several keys ${where} begin with ${text}`,
      'give more of the id',
    );
  }
  throw new CliError(
    'KEY_UNKNOWN',
    exitCodes.denied,
    `no key ${where} begins with ${text}`,
    'vidimus inspect REPO --wide shows the ids; the whole id is found everywhere',
  );
}
