/** Verifies a bundle: no network, no server trusted, and no clock. */
import { sha256Hex } from '@vidimus/crypto';
import {
  DEFAULT_LIMITS,
  drive,
  meetsPins,
  type Reply,
  type Step,
  TufError,
  tufDialect,
  verifyRoot,
} from '@vidimus/tuf';
import type { PinnableAnchor } from '../anchor/anchor-file.ts';
import { TrustClientError } from '../errors.ts';
import { type AuditReport, auditHistory } from './audit-history.ts';
import { type AuditBundle, invalid, parseBundle } from './bundle.ts';

export interface VerifiedBundle {
  readonly bundle: AuditBundle;
  readonly report: AuditReport;
  /** Hex SHA-256 of the file: what two people compare. */
  readonly sha256: string;
  /** `own`: a root of the bundle is what this machine pinned; `bundle`: its first root is taken as it stands there. */
  readonly anchored: 'own' | 'bundle';
}

/**
 * @param own what this machine pinned for the repository: roots before the one that it names are not trusted
 * @throws TrustClientError AUDIT_INVALID, AUDIT_TAMPERED, ANCHOR_MISMATCH; TufError where roots or timestamp do not verify
 */
export function verifyBundle(
  bytes: Uint8Array,
  own?: (repository: string) => PinnableAnchor | undefined,
): VerifiedBundle {
  const bundle = parseBundle(bytes);
  const anchor = own?.(bundle.repository);
  const roots = anchor === undefined ? bundle.roots : fromAnchor(bundle, anchor);
  const { repository, tag, timestamp, kept, events } = bundle;
  const files = new Map(bundle.files.map(({ role, version, bytes: file }) => [nameOf(role, version), file]));
  const unread = new Set(files.keys());
  const answer = (step: Step): Reply => {
    if (step.do !== 'fetch' || step.version === undefined) return undefined;
    const name = nameOf(step.role, step.version);
    unread.delete(name);
    return files.get(name);
  };
  const report = drive(
    auditHistory({
      repository,
      roots,
      timestamp,
      events,
      ...(tag === undefined ? {} : { tag }),
      ...(kept === undefined ? {} : { kept }),
    }),
    answer,
  );
  // What nothing asks for is looked at by nobody.
  if (files.size < bundle.files.length) throw invalid('it holds a file twice');
  if (unread.size > 0 && roots.length === bundle.roots.length) {
    throw invalid(`it holds ${unread.size} files that nothing needs`);
  }
  return { bundle, report, sha256: sha256Hex(bytes), anchored: anchor === undefined ? 'bundle' : 'own' };
}

/** The roots from the first one that the anchor names. */
function fromAnchor({ repository, roots }: AuditBundle, anchor: PinnableAnchor): readonly Uint8Array[] {
  const context = { dialect: tufDialect, repository, foreign: false, limits: DEFAULT_LIMITS };
  const first = roots.findIndex((bytes) => {
    const root = verifyRoot(context, bytes);
    if (anchor.kind !== 'root') return meetsPins(tufDialect, root, anchor);
    return Buffer.compare(root.envelope.message, verifyRoot(context, anchor.bytes).envelope.message) === 0;
  });
  if (first >= 0) return roots.slice(first);
  throw new TrustClientError(
    'ANCHOR_MISMATCH',
    `${repository}: no root of the bundle is the one that is pinned here`,
    { detail: { repository } },
  );
}

function nameOf(role: string, version: number): string {
  if (!Number.isSafeInteger(version)) throw new TufError('MALFORMED', 'a version is an integer', { role });
  return `${version}.${role}`;
}
