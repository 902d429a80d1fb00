/** `vidimus inspect IMAGE|REPO`: what is vouched for, by whom, since when, until when. */
import { OciError, type RegistryClient } from '@vidimus/oci';
import { parseReference, printable } from '@vidimus/reference';
import type { RevocationList, TrustFacts } from '@vidimus/trust-client';
import { type Listing, TufError } from '@vidimus/tuf';
import { toVouchedImage, type VouchedImage } from '@vidimus/verifier';
import { rfc3339, trustJson, vouchJson } from '../client/judge-image.ts';
import { openClient } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { shorten } from '../output/table.ts';
import { formatDay, formatDistance } from '../output/times.ts';
import { trustWarningLines } from '../output/trust-warnings.ts';

/** Tags whose registry side is asked; the rest is shown without. */
const maxAsked = 200;
const askedAtOnce = 8;
/** Tags named below the tables. */
const maxNamed = 8;
/** A role that expires within this time is worth a word. */
const soonMs = 14 * 86_400_000;

interface TagRow {
  readonly image: VouchedImage;
  /** Digest the registry's tag points to; null: no such tag; undefined: could not be learned. */
  readonly registry: string | null | undefined;
  readonly revoked: boolean;
}

interface RoleRow {
  readonly role: string;
  /** Of a delegated role. */
  readonly delegator?: string;
  readonly keyIds: readonly string[];
  readonly threshold: number;
  readonly version: number;
  readonly expires: number;
  readonly problem?: string;
}

/** Prints tags and roles of a repository, or one tag's. */
export async function inspect(
  context: Context,
  text: string,
  options: { readonly wide?: boolean },
): Promise<ExitCode> {
  const reference = parseReference(text);
  const { repository } = reference;
  const wanted = reference.implicitTag ? undefined : reference.tag;
  const client = openClient(context, false);
  try {
    const trust = client.trust.open(repository);
    context.terminal.progress(`reading the trust data of ${repository} ...`);
    const facts = await trust.refresh();
    const listing = await trust.list();
    const revocations = await trust.lookUpRevocations();
    const images = listing.targets
      .map((found) => toVouchedImage(found, facts.roles.targets))
      .filter((image) => image !== undefined)
      .filter((image) => wanted === undefined || image.tag === wanted);
    const tags = await askRegistry(context, client.registry, repository, images, revocations);
    const roles = roleRows(facts, listing);
    const { terminal } = context;
    for (const line of trustWarningLines(client.warnings, terminal.noteColors)) terminal.note(line);
    if (context.options.json === true) context.json(toJson(repository, facts, roles, tags, revocations));
    else print(context, { repository, wanted, facts, roles, tags, revocations, wide: options.wide === true });
    return wanted !== undefined && tags.length === 0 ? exitCodes.denied : exitCodes.done;
  } finally {
    client.close();
  }
}

async function askRegistry(
  context: Context,
  registry: RegistryClient,
  repository: string,
  images: readonly VouchedImage[],
  revocations: RevocationList,
): Promise<readonly TagRow[]> {
  const rows: TagRow[] = [];
  for (let from = 0; from < images.length; from += askedAtOnce) {
    context.terminal.progress(`asking the registry: ${from} of ${images.length} tags`);
    const batch = images.slice(from, from + askedAtOnce).map(async (image) => ({
      image,
      registry: from < maxAsked ? await registryDigest(registry, repository, image.tag) : undefined,
      revoked: revocations.status === 'known' && revocations.entries.has(image.digest),
    }));
    rows.push(...(await Promise.all(batch)));
  }
  return rows;
}

async function registryDigest(
  registry: RegistryClient,
  repository: string,
  tag: string,
): Promise<string | null | undefined> {
  try {
    return (await registry.headManifest(repository, tag)).digest;
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    return error.code === 'NOT_FOUND' ? null : undefined;
  }
}

function roleRows(facts: TrustFacts, { roles }: Listing): readonly RoleRow[] {
  const top = (['root', 'targets', 'snapshot', 'timestamp'] as const).map((role) => ({
    role,
    ...facts.roles[role],
    version: facts.versions[role],
    expires: facts.expires[role],
  }));
  const delegated = roles.map(({ role, delegator, result }): RoleRow => {
    if (result instanceof TufError) {
      return { role, delegator, keyIds: [], threshold: 0, version: 0, expires: 0, problem: result.code };
    }
    const { keyIds, threshold, document } = result;
    return { role, delegator, keyIds, threshold, version: document.version, expires: document.expires };
  });
  const [root, targets, ...online] = top;
  return [root, targets, ...delegated, ...online].filter((row) => row !== undefined);
}

interface Shown {
  readonly repository: string;
  /** The one tag asked for. */
  readonly wanted: string | undefined;
  readonly facts: TrustFacts;
  readonly roles: readonly RoleRow[];
  readonly tags: readonly TagRow[];
  readonly revocations: RevocationList;
  readonly wide: boolean;
}

function print(context: Context, shown: Shown): void {
  const { terminal, world } = context;
  const now = world.now();
  const id = (text: string): string => (shown.wide ? text : shorten(text));
  terminal.out(
    `${shown.repository}     ${shown.facts.dialect}${shown.facts.offline ? '     offline, from the cache' : ''}`,
  );
  terminal.out('');
  const tagRows = shown.tags.map((row) => [
    printable(row.image.tag),
    id(row.image.digest),
    printable(row.image.vouch.binOf ?? row.image.vouch.role),
    row.image.vouch.since === undefined ? '-' : formatDay(row.image.vouch.since),
    registryWord(row),
    stateWord(row),
  ]);
  terminal.table([['TAG', 'VOUCHED DIGEST', 'BY', 'SINCE', 'REGISTRY', 'STATE'], ...tagRows]);
  terminal.out('');
  const roles = foldBins(shown.roles).map((row) => [
    printable(row.role),
    String(row.keyIds.length),
    String(row.threshold),
    String(row.version),
    row.problem ?? `${formatDay(row.expires)} (${formatDistance(row.expires - now)})`,
    row.keyIds.map(id).join(', '),
    row.problem === undefined &&
    row.role !== 'timestamp' &&
    row.expires - now < soonMs &&
    row.role !== 'snapshot'
      ? 'renew soon'
      : '',
  ]);
  terminal.table([['ROLE', 'KEYS', 'NEED', 'VERSION', 'EXPIRES', 'SIGNED BY', ''], ...roles]);
  terminal.out('');
  if (shown.wanted === undefined || shown.tags.length > 0) terminal.out(summaryLine(shown));
  else terminal.out(`nobody vouches for ${shown.repository}:${shown.wanted}`);
}

/** Hundreds of bins are one line to a person: the first to expire stands for all, one with a problem for itself. */
function foldBins(rows: readonly RoleRow[]): readonly RoleRow[] {
  const bins = rows.filter(({ delegator, problem }) => delegator === 'bins' && problem === undefined);
  const first = bins.reduce<RoleRow | undefined>(
    (earliest, row) => (earliest === undefined || row.expires < earliest.expires ? row : earliest),
    undefined,
  );
  if (first === undefined || bins.length === 1) return rows;
  const folded = { ...first, role: `${first.role} and ${bins.length - 1} bins more` };
  return rows.flatMap((row) => (row === first ? [folded] : bins.includes(row) ? [] : [row]));
}

function registryWord({ registry, image }: TagRow): string {
  if (registry === null) return 'gone';
  if (registry === undefined) return 'not asked';
  return registry === image.digest ? 'same' : 'MOVED';
}

function stateWord(row: TagRow): string {
  if (row.revoked) return 'REVOKED';
  if (registryWord(row) === 'MOVED') return 'vouched digest is served';
  return 'ok';
}

function summaryLine({ tags, revocations, wide }: Shown): string {
  const list =
    revocations.status === 'known'
      ? counted(revocations.entries.size, 'revoked digest')
      : revocations.status === 'absent'
        ? 'no list of revoked digests'
        : `revoked digests unknown: ${revocations.code}`;
  return `${attentionWords(tags)}; ${list}${wide ? '' : '      full digests and key ids: --wide, --json'}`;
}

function attentionWords(tags: readonly TagRow[]): string {
  const attention = tags.filter((row) => stateWord(row) !== 'ok').map(({ image }) => printable(image.tag));
  if (attention.length === 0) return `${counted(tags.length, 'tag')}, none needs attention`;
  const more = attention.length > maxNamed ? ', ...' : '';
  const named = attention.slice(0, maxNamed).join(', ');
  return `${counted(attention.length, 'tag')} ${attention.length === 1 ? 'needs' : 'need'} attention: ${named}${more}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function toJson(
  repository: string,
  facts: TrustFacts,
  roles: readonly RoleRow[],
  tags: readonly TagRow[],
  revocations: RevocationList,
): unknown {
  return {
    repository,
    trust: trustJson(facts),
    roles: roles.map(({ expires, ...role }) => ({
      ...role,
      expires: expires === 0 ? null : rfc3339(expires),
    })),
    tags: tags.map(({ image, registry, revoked }) => ({
      tag: image.tag,
      digest: image.digest,
      size: image.size,
      vouchedBy: [vouchJson(image.vouch)],
      registry: {
        digest: registry ?? null,
        differs: typeof registry === 'string' && registry !== image.digest,
      },
      revoked,
    })),
    revocations:
      revocations.status === 'known'
        ? { status: 'known', digests: [...revocations.entries.values()] }
        : revocations,
  };
}
