/** `vidimus inspect IMAGE|REPO`: what is vouched for, by whom, since when, until when. */
import { OciError, type RegistryClient } from '@vidimus/oci';
import { parseReference, printable } from '@vidimus/reference';
import type { RevocationList, TrustFacts } from '@vidimus/trust-client';
import type { Listing } from '@vidimus/tuf';
import { toVouchedImage, type VouchedImage } from '@vidimus/verifier';
import { rfc3339, trustJson, vouchJson } from '../client/judge-image.ts';
import { openClient } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { foldBins, type RoleRow, roleRows } from '../inspect/role-rows.ts';
import { type NoImage, noImages, signersOf } from '../inspect/tag-signers.ts';
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
  /** In the `notary` dialect. */
  readonly signers?: readonly string[];
}

/** What is particular about a repository that Notary clients made. */
interface NotaryView {
  readonly noImages: readonly NoImage[];
  /** Ids of the certificates of its root: what can be pinned. */
  readonly certIds: readonly string[];
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
    const asked = await askRegistry(context, client.registry, repository, images, revocations);
    const tags = facts.dialect === 'notary' ? asked.map((row) => withSigners(listing, row)) : asked;
    const roles = roleRows(facts, listing, await trust.delegations());
    const notary = facts.dialect === 'notary' ? notaryView(facts, listing) : undefined;
    const { terminal } = context;
    for (const line of trustWarningLines(client.warnings, terminal.noteColors)) terminal.note(line);
    const shown = {
      repository,
      wanted,
      facts,
      roles,
      tags,
      revocations,
      notary,
      wide: options.wide === true,
    };
    if (context.options.json === true) context.json(toJson(shown));
    else print(context, shown);
    return wanted !== undefined && tags.length === 0 ? exitCodes.denied : exitCodes.done;
  } finally {
    client.close();
  }
}

function withSigners(listing: Listing, row: TagRow): TagRow {
  return { ...row, signers: signersOf(listing, row.image) };
}

function notaryView(facts: TrustFacts, listing: Listing): NotaryView {
  return { noImages: noImages(listing), certIds: facts.roles.root.keyIds };
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

interface Shown {
  readonly repository: string;
  /** The one tag asked for. */
  readonly wanted: string | undefined;
  readonly facts: TrustFacts;
  readonly roles: readonly RoleRow[];
  readonly tags: readonly TagRow[];
  readonly revocations: RevocationList;
  readonly notary: NotaryView | undefined;
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
    voucherWords(row),
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
    expiryWords(row, now),
    (row.canonicalKeyIds ?? row.keyIds).map(id).join(', '),
    isDueSoon(row, now) ? 'renew soon' : '',
  ]);
  // There key ids are of everybody who may sign, as docker trust inspect has them.
  const keysTitle = shown.notary === undefined ? 'SIGNED BY' : 'KEY IDS';
  terminal.table([['ROLE', 'KEYS', 'NEED', 'VERSION', 'EXPIRES', keysTitle, ''], ...roles]);
  terminal.out('');
  if (shown.notary !== undefined) printNotary(context, shown.notary, shown.wide);
  if (shown.wanted === undefined || shown.tags.length > 0) terminal.out(summaryLine(shown));
  else terminal.out(`nobody vouches for ${shown.repository}:${shown.wanted}`);
}

function printNotary({ terminal }: Context, { certIds, noImages: left }: NotaryView, wide: boolean): void {
  const ids = certIds.map((certId) => (wide ? certId : shorten(certId))).join(', ');
  terminal.out(`root certificates, for anchor pin --cert-id: ${ids}`);
  if (left.length === 0) return;
  const named = left.slice(0, maxNamed).map(({ path, why }) => `${printable(path)} ${why}`);
  terminal.out(`not images: ${named.join('; ')}${left.length > maxNamed ? '; ...' : ''}`);
}

function voucherWords({ image, signers = [] }: TagRow): string {
  const role = printable(image.vouch.binOf ?? image.vouch.role);
  return signers.length === 0 ? role : `${role} (${signers.map((name) => printable(name)).join(', ')})`;
}

function expiryWords({ problem, version, expires }: RoleRow, now: number): string {
  if (problem !== undefined) return problem;
  return version === 0 ? 'nothing signed yet' : `${formatDay(expires)} (${formatDistance(expires - now)})`;
}

/** What the service renews by itself is not worth a word. */
function isDueSoon({ role, problem, version, expires }: RoleRow, now: number): boolean {
  const isOnline = role === 'timestamp' || role === 'snapshot';
  return problem === undefined && version > 0 && !isOnline && expires - now < soonMs;
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
  return `${attentionWords(tags)}; ${revocationWords(revocations)}${wide ? '' : '      full digests and key ids: --wide, --json'}`;
}

/** Without a list nothing is wrong in `notary`: whoever revokes a digest there takes its tags away. */
function revocationWords(revocations: RevocationList): string {
  if (revocations.status === 'known') return counted(revocations.entries.size, 'revoked digest');
  if (revocations.status === 'unknown') return `revoked digests unknown: ${revocations.code}`;
  if (revocations.because !== 'dialect') return 'no list of revoked digests';
  return 'this dialect has no list of revoked digests, they lose their tags';
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

function toJson({ repository, facts, roles, tags, revocations, notary }: Shown): unknown {
  return {
    repository,
    trust: trustJson(facts),
    roles: roles.map(({ expires, ...role }) => ({
      ...role,
      expires: expires === 0 ? null : rfc3339(expires),
    })),
    tags: tags.map(({ image, registry, revoked, signers }) => ({
      tag: image.tag,
      digest: image.digest,
      size: image.size,
      vouchedBy: [vouchJson(image.vouch)],
      ...(signers === undefined ? {} : { signers }),
      registry: {
        digest: registry ?? null,
        differs: typeof registry === 'string' && registry !== image.digest,
      },
      revoked,
    })),
    ...(notary === undefined ? {} : { notImages: notary.noImages }),
    revocations:
      revocations.status === 'known'
        ? { status: 'known', digests: [...revocations.entries.values()] }
        : revocations,
  };
}
