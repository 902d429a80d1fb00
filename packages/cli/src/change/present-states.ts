/** What a repository says now, in each dialect that a change has documents of: verified here, with anchors of this machine. */
import { sha256Hex } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
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
import { DEFAULT_LIMITS, type DialectName, type OwnAnchor, verifyRoot } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { openKeys } from '../publish/own-keys.ts';
import { canAsk, confirm } from '../publish/person.ts';

/** A root of the dialect `notary` that its owner handed over, where the pin is of the other dialect. */
const otherRootVariable = 'VIDIMUS_NOTARY_ROOT';

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
 * this machine wrote down what it signed. Else its owner hands it over in a file, or a person compares it.
 */
async function otherAnchor(
  context: Context,
  repository: string,
  dialect: DialectName,
): Promise<OwnAnchor | undefined> {
  const anchors = await listAnchors(openCache(context));
  const isPinned = anchors.some((kept) => kept.repository === repository && kept.dialect === dialect);
  if (isPinned || dialect === 'tuf') return undefined;
  const file = context.world.environment[otherRootVariable];
  const bytes = file
    ? readNamedFile(file, DEFAULT_LIMITS.rootBytes)
    : ((await signedRoot(context, repository)) ?? (await comparedRoot(context, repository)));
  return { kind: 'root', bytes };
}

/** Only where somebody is there to compare: nothing is taken on first use by a program. */
async function comparedRoot(context: Context, repository: string): Promise<Uint8Array> {
  const bytes = canAsk(context) ? await fetchRoot(context, repository, 1) : undefined;
  if (bytes === undefined) {
    throw new CliError(
      'ANCHOR_MISSING',
      exitCodes.unavailable,
      `the change has documents of the dialect notary, and nothing here says which root of ${repository} to trust there`,
      `run it on a terminal to compare that root with its owner, or take it from a file: ${otherRootVariable}=FILE`,
    );
  }
  const limits = DEFAULT_LIMITS;
  const root = verifyRoot({ dialect: notaryDialect, repository, foreign: true, limits }, bytes).document;
  const { terminal } = context;
  terminal.note(
    `nothing here says which root of the dialect notary to trust for ${repository}; the server shows`,
  );
  terminal.note(`  root v${root.version} sha256:${sha256Hex(bytes)}`);
  for (const keyId of root.roles.root.keyIds) terminal.note(`  certificate ${keyId}`);
  await confirm(context, 'Did its owner tell you the same?');
  return bytes;
}

/** The oldest root of the dialect `notary` that the server serves of those that keys here signed. */
async function signedRoot(context: Context, repository: string): Promise<Uint8Array | undefined> {
  const store = openKeys(context);
  const records = await Promise.all((await store.list()).map(({ keyId }) => store.signed(keyId)));
  const signed = records
    .flat()
    .filter((entry) => entry.repository === repository && entry.dialect === 'notary' && entry.role === 'root')
    .sort((one, other) => one.version - other.version);
  const hashes = new Set(signed.map(({ sha256 }) => sha256));
  for (const version of new Set(signed.map((entry) => entry.version))) {
    const bytes = await fetchRoot(context, repository, version);
    if (bytes !== undefined && hashes.has(messageHash(bytes))) return bytes;
  }
  return undefined;
}

async function fetchRoot(
  context: Context,
  repository: string,
  version: number,
): Promise<Uint8Array | undefined> {
  const { server, token, ca } = repositorySettings(context, repository);
  const http = createHttpClient({ server, ...(token && { token }), ...(ca && { ca }) });
  try {
    const source = createHttpSource(http, metadataUrl(http.server, repository, 'notary'), 'notary');
    return await source.fetch('root', version, DEFAULT_LIMITS.rootBytes);
  } finally {
    http.close();
  }
}

function messageHash(bytes: Uint8Array): string {
  return sha256Hex(notaryDialect.open(bytes, DEFAULT_LIMITS.rootBytes).message);
}
