/** The newest root of a repository as this machine verified it, with its own anchor. */
import { canonicalKeyId, notaryDialect } from '@vidimus/notary';
import {
  createHttpClient,
  createHttpSource,
  createTrustClient,
  listAnchors,
  metadataUrl,
  type RepositorySettings,
} from '@vidimus/trust-client';
import { DEFAULT_LIMITS, type DialectName, type OwnAnchor, type Root, verifyRoot } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { directoryOptions } from '../client/directory-settings.ts';
import { openCache } from '../client/open-client.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

/**
 * @param anchor in place of what is configured or pinned
 * @throws TufError, TrustClientError: not known, not current, or not from the anchor
 */
export async function verifiedRoot(
  context: Context,
  repository: string,
  dialect: DialectName,
  anchor?: OwnAnchor,
): Promise<Root> {
  const {
    anchor: configured,
    dialect: usual = 'tuf',
    ...rest
  } = repositorySettings(context, repository, true);
  // What is configured for the other dialect says nothing here.
  const named = anchor ?? (usual === dialect ? configured : undefined);
  const settings: RepositorySettings = { ...rest, dialect, ...(named && { anchor: named }) };
  const client = createTrustClient({
    cache: openCache(context),
    settingsFor: () => settings,
    directory: directoryOptions(context, true),
    now: context.world.now,
  });
  try {
    return await client.open(repository).root();
  } finally {
    client.close();
  }
}

/**
 * The newest root of the dialect `notary`: by what is configured or pinned for it here, else by the certificates of
 * those root keys that this machine holds. A root that one's own keys alone sign to its threshold is one's own.
 * @param holds whether the private half of a bare key id is here
 */
export async function verifiedNotaryRoot(
  context: Context,
  repository: string,
  holds: (canonicalId: string) => boolean,
): Promise<Root> {
  if (await isAnchored(context, repository)) return await verifiedRoot(context, repository, 'notary');
  const shown = await shownRoot(context, repository);
  const certIds = shown.roles.root.keyIds.filter((keyId) => {
    const key = shown.keys.get(keyId);
    const canonicalId = key && canonicalKeyId(key);
    return canonicalId !== undefined && holds(canonicalId);
  });
  const { threshold } = shown.roles.root;
  if (certIds.length < threshold) throw keysMissing(repository, certIds.length, threshold);
  return await verifiedRoot(context, repository, 'notary', { kind: 'certificates', certIds });
}

/** Fewer than the threshold cannot tell their root from one that somebody else made with them. */
function keysMissing(repository: string, held: number, threshold: number): CliError {
  const pin = `vidimus anchor pin ${repository} --cert-id ID...`;
  return new CliError(
    'ROOT_KEY_MISSING',
    exitCodes.denied,
    `${held} of the ${threshold} root keys of ${repository} that are needed are in a trust directory here, and no anchor of the dialect notary is pinned`,
    held === 0
      ? 'where Docker or notary keep the keys: --trust-dir DIR'
      : `with the certificates of the other holders: ${pin}`,
  );
}

async function isAnchored(context: Context, repository: string): Promise<boolean> {
  const { dialect, anchor } = repositorySettings(context, repository);
  if (dialect === 'notary' && anchor !== undefined && anchor.kind !== 'firstUse') return true;
  const anchors = await listAnchors(openCache(context));
  return anchors.some((pinned) => pinned.repository === repository && pinned.dialect === 'notary');
}

/** What the server shows: nothing is believed of it but which keys it says there are. */
async function shownRoot(context: Context, repository: string): Promise<Root> {
  const { server, token, ca } = repositorySettings(context, repository);
  const http = createHttpClient({ server, ...(token && { token }), ...(ca && { ca }) });
  try {
    const source = createHttpSource(http, metadataUrl(http.server, repository, 'notary'), 'notary');
    const bytes = await source.fetch('root', undefined, DEFAULT_LIMITS.rootBytes);
    if (bytes !== undefined) {
      const limits = DEFAULT_LIMITS;
      return verifyRoot({ dialect: notaryDialect, repository, foreign: true, limits }, bytes).document;
    }
  } finally {
    http.close();
  }
  throw new CliError(
    'UNUSABLE',
    exitCodes.unavailable,
    `${server} does not serve the root of ${repository} to Notary clients`,
  );
}
