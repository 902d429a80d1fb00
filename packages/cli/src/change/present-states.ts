/** What a repository says now, in each dialect that a change has documents of: verified here, with anchors of this machine. */
import { sha256Hex } from '@vidimus/crypto';
import {
  type Change,
  createHttpClient,
  createHttpSource,
  createTrustClient,
  dialectsOf,
  listAnchors,
  metadataUrl,
  type PresentState,
  type RepositorySettings,
} from '@vidimus/trust-client';
import { DEFAULT_LIMITS, type DialectName, type OwnAnchor } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { openKeys } from '../publish/own-keys.ts';

/** @throws TufError, TrustClientError: not known, not current, or not from the anchor; CliError ROOT_KEY_MISSING */
export async function presentStates(context: Context, change: Change): Promise<readonly PresentState[]> {
  const states: PresentState[] = [];
  for (const dialect of dialectsOf(change)) states.push(await presentState(context, change, dialect));
  return states;
}

async function presentState(
  context: Context,
  { repository, documents }: Change,
  dialect: DialectName,
): Promise<PresentState> {
  context.terminal.progress(`verifying ${repository} ...`);
  const { anchor, dialect: usual, ...rest } = repositorySettings(context, repository, true);
  const isUsual = (usual ?? 'tuf') === dialect;
  const named = (isUsual ? anchor : undefined) ?? (await otherAnchor(context, repository, dialect));
  const settings: RepositorySettings = { ...rest, dialect, ...(named && { anchor: named }) };
  const client = createTrustClient({
    cache: openCache(context),
    settingsFor: () => settings,
    now: context.world.now,
    warn: ({ code, detail }) => {
      if (code !== 'EXPIRED') return;
      context.terminal.note(`${String(detail['role'])} of ${repository} has expired: read as it was before`);
    },
  });
  try {
    const bins = documents.filter((document) => document.dialect === dialect).map(({ role }) => role);
    return await client.open(repository).present(new Set(bins));
  } finally {
    client.close();
  }
}

/**
 * What is pinned is of one dialect. In the other one a root that keys of this machine signed themselves is as good:
 * this machine wrote down what it signed.
 */
async function otherAnchor(
  context: Context,
  repository: string,
  dialect: DialectName,
): Promise<OwnAnchor | undefined> {
  const anchors = await listAnchors(openCache(context));
  const isPinned = anchors.some((kept) => kept.repository === repository && kept.dialect === dialect);
  if (isPinned || dialect === 'tuf') return undefined;
  const signed = await signedRoot(context, repository, dialect);
  if (signed !== undefined) return { kind: 'root', bytes: signed };
  throw new CliError(
    'ANCHOR_MISSING',
    exitCodes.unavailable,
    `the change has documents of the dialect ${dialect}, and nothing here says which root of ${repository} to trust there`,
    `in the configuration, with the certificates of its root: dialect: ${dialect}, anchor: {certIds: [...]}`,
  );
}

/** The oldest root that the server serves of those that keys here signed. */
async function signedRoot(
  context: Context,
  repository: string,
  dialect: DialectName,
): Promise<Uint8Array | undefined> {
  const store = openKeys(context);
  const records = await Promise.all((await store.list()).map(({ keyId }) => store.signed(keyId)));
  const versions = records
    .flat()
    .filter((entry) => entry.repository === repository && entry.dialect === dialect && entry.role === 'root')
    .sort((one, other) => one.version - other.version);
  if (versions.length === 0) return undefined;
  const { server, token, ca } = repositorySettings(context, repository);
  const http = createHttpClient({ server, ...(token && { token }), ...(ca && { ca }) });
  try {
    const source = createHttpSource(http, metadataUrl(http.server, repository, dialect), dialect);
    const hashes = new Set(versions.map(({ sha256 }) => sha256));
    for (const version of new Set(versions.map((entry) => entry.version))) {
      const bytes = await source.fetch('root', version, DEFAULT_LIMITS.rootBytes);
      if (bytes !== undefined && hashes.has(await messageHash(bytes, dialect))) return bytes;
    }
    return undefined;
  } finally {
    http.close();
  }
}

async function messageHash(bytes: Uint8Array, dialect: DialectName): Promise<string> {
  const { notaryDialect } = await import('@vidimus/notary');
  const { tufDialect } = await import('@vidimus/tuf');
  const codec = dialect === 'tuf' ? tufDialect : notaryDialect;
  return sha256Hex(codec.open(bytes, DEFAULT_LIMITS.rootBytes).message);
}
