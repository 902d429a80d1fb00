/** Whose keys are meant: the label of a key that is here, a signer that the edit names, else what the server says. */
import type { Change, PublishClient } from '@vidimus/trust-client';
import type { Key } from '@vidimus/tuf';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { openKeys } from '../publish/own-keys.ts';
import { unlessRefused, withPublisher } from '../publish/with-publisher.ts';
import type { KeyNames } from './difference-facts.ts';
import { holdsKey } from './usable-keys.ts';

const describedSigners = z.object({
  signers: z.array(z.object({ name: z.string(), keys: z.array(z.looseObject({ key: z.unknown() })) })),
});

export async function keyNames(
  context: Context,
  change: Change,
  keys: ReadonlyMap<string, Key>,
): Promise<KeyNames> {
  const names = new Map<string, string>();
  for (const { keyId, signer } of await toldKeys(context, change.repository)) {
    if (signer) names.set(keyId, `${signer}, says the server`);
  }
  for (const [keyId, name] of namedInEdit(change, keys)) names.set(keyId, name);
  const held = await openKeys(context).list();
  for (const [keyId, key] of keys) {
    const own = held.find((each) => holdsKey(each, key));
    if (own !== undefined) names.set(keyId, `(here: ${own.label})`);
  }
  return names;
}

/** Names are a courtesy: whoever may sign may perhaps not read keys, and a server of before has none to tell. */
async function toldKeys(
  context: Context,
  repository: string,
): Promise<Awaited<ReturnType<PublishClient['keys']>>> {
  const asked = withPublisher(context, repository, (publisher) => publisher.keys(repository));
  return (
    (await unlessRefused(
      [
        'DENIED',
        'UNAUTHORIZED',
        'REPOSITORY_UNKNOWN',
        'METADATA_UNKNOWN',
        'UNUSABLE',
        'REFUSED',
        'NOT_FOUND',
      ],
      asked,
    )) ?? []
  );
}

function namedInEdit({ edit }: Change, keys: ReadonlyMap<string, Key>): readonly [string, string][] {
  const described = describedSigners.safeParse(edit.body);
  if (!described.success) return [];
  return described.data.signers.flatMap(({ name, keys: entries }) =>
    [...keys]
      .filter(([, { declared }]) =>
        entries.some(({ key }) => JSON.stringify(key) === JSON.stringify(declared)),
      )
      .map(([keyId]): [string, string] => [keyId, name]),
  );
}
