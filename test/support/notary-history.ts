/**
 * A repository as a Notary server would have stored it, made of seeded keys: publish, rotate, spoil, and hand the
 * rows to whoever reads them.
 */
import {
  createRootCertificate,
  ed25519FromSeed,
  p256FromRandom,
  type Signer,
  sha256,
  sha256Hex,
  sha512Hex,
  signerFromPkcs8,
} from '@vidimus/crypto';
import { ed25519KeyObject, notaryDialect, toNotaryRole, x509KeyObject } from '@vidimus/notary';
import type { Delegation, Draft, FileMeta, Key, RoleKeys, Root, Target } from '@vidimus/tuf';

const day = 86_400_000;
/** When the histories of tests begin. */
export const HISTORY_START = Date.UTC(2026, 10, 20, 8);

export interface HistoryRow {
  readonly id: number;
  /** On the wire. */
  readonly role: string;
  readonly version: number;
  /** Undefined: not to be had. */
  readonly data: Uint8Array | undefined;
  readonly sha256: string | undefined;
  readonly createdAtMs: number;
}

export interface OwnKey {
  readonly key: Key;
  readonly signer: Signer;
  /** Of an Ed25519 key. */
  readonly seed?: Uint8Array;
}

type OnlineRole = 'targets' | 'snapshot' | 'timestamp';

export interface Lifetimes {
  readonly root?: number;
  readonly targets?: number;
  readonly snapshot?: number;
  readonly timestamp?: number;
}

export class NotaryHistory {
  readonly repository: string;
  readonly rows: HistoryRow[] = [];
  /** Milliseconds since 1970; moves by a minute with every publish. */
  now = HISTORY_START;
  root: OwnKey;
  readonly online: Record<OnlineRole, OwnKey>;
  readonly delegated = new Map<string, OwnKey>();
  readonly targets = new Map<string, Map<string, Target>>([['targets', new Map()]]);
  delegations: Delegation[] = [];
  lifetimes: Lifetimes = {};
  private readonly versions = new Map<string, number>();
  private readonly meta = new Map<string, FileMeta>();
  private readonly label: string;

  private constructor(repository: string, label: string, root: OwnKey) {
    this.repository = repository;
    this.label = label;
    this.root = root;
    this.online = {
      targets: ed25519Key(`${label} targets`),
      snapshot: ed25519Key(`${label} snapshot`),
      timestamp: ed25519Key(`${label} timestamp`),
    };
  }

  /** With its first publish: root 1, targets 2, snapshot 2, timestamp 1, as the real clients make them. */
  static async create(
    repository: string,
    { label = repository, firstRoot = 1 }: { readonly label?: string; readonly firstRoot?: 1 | 2 } = {},
  ): Promise<NotaryHistory> {
    const history = new NotaryHistory(repository, label, await rootKey(repository, `${label} root`));
    history.versions.set('root', firstRoot - 1);
    await history.publishRoot();
    history.versions.set('targets', 1).set('snapshot', 1);
    await history.publish('targets');
    return history;
  }

  /** Signs roles below root anew, then snapshot and timestamp. */
  async publish(...roles: readonly string[]): Promise<void> {
    for (const role of roles) await this.publishTargets(role);
    await this.publishSnapshot();
    await this.publishTimestamp();
    this.now += 60_000;
  }

  /** Adds a tag and publishes the role that lists it. */
  async tag(path: string, role = 'targets'): Promise<void> {
    const content = new TextEncoder().encode(`${this.label} ${path}`);
    const listed = this.targets.get(role) ?? new Map<string, Target>();
    listed.set(path, { path, length: content.length, hashes: new Map([['sha256', sha256Hex(content)]]) });
    this.targets.set(role, listed);
    await this.publish(role);
  }

  /** Top-level targets delegates to a new role with a key of its own. */
  async delegate(role: string): Promise<void> {
    const own = ed25519Key(`${this.label} ${role}`);
    this.delegated.set(role, own);
    this.delegations.push({
      name: role,
      keyIds: [own.key.keyId],
      threshold: 1,
      terminating: false,
      pathPrefixes: [''],
    });
    await this.publish('targets');
  }

  /** A new root version; `previous` signs, too. */
  async publishRoot(previous?: OwnKey): Promise<void> {
    const { targets, snapshot, timestamp } = this.online;
    const keys = [this.root, targets, snapshot, timestamp].map(({ key }) => key);
    const roleKeys = ({ key }: OwnKey): RoleKeys => ({ keyIds: [key.keyId], threshold: 1 });
    const draft: Draft<Root> = {
      kind: 'root',
      version: this.next('root'),
      expires: this.now + (this.lifetimes.root ?? 3_650 * day),
      binding: {},
      consistentSnapshot: false,
      keys: new Map(keys.map((key) => [key.keyId, key])),
      roles: {
        root: roleKeys(this.root),
        targets: roleKeys(targets),
        snapshot: roleKeys(snapshot),
        timestamp: roleKeys(timestamp),
      },
    };
    await this.seal('root', draft, [this.root, ...(previous === undefined ? [] : [previous])]);
  }

  /** Root gets another certificate. */
  async rotateRoot(): Promise<void> {
    const previous = this.root;
    this.root = await rootKey(this.repository, `${this.label} root ${this.next('root')}`);
    await this.publishRoot(previous);
    await this.publish();
  }

  async rotateOnline(role: OnlineRole): Promise<void> {
    this.online[role] = ed25519Key(`${this.label} ${role} ${this.next('root')}`);
    await this.publishRoot();
    await this.publish(...(role === 'targets' ? ['targets'] : []));
  }

  /** The newest row of a role as the wire names it, or one version of it. @throws Error when there is none */
  row(role: string, version?: number): HistoryRow {
    const found = this.rows.findLast(
      (row) => row.role === role && (version === undefined || row.version === version),
    );
    if (found === undefined) throw new Error(`no ${role} ${version ?? ''}`);
    return found;
  }

  /** Puts something else into a row. */
  spoil(role: string, change: Partial<HistoryRow>, version?: number): void {
    const row = this.row(role, version);
    this.rows.splice(this.rows.indexOf(row), 1, { ...row, ...change });
  }

  /** Takes rows away: all of a role, or one version. */
  drop(role: string, version?: number): void {
    const kept = this.rows.filter(
      (row) => row.role !== role || (version !== undefined && row.version !== version),
    );
    this.rows.splice(0, this.rows.length, ...kept);
  }

  async publishTimestamp(): Promise<void> {
    const snapshot = this.meta.get('snapshot');
    if (snapshot === undefined) throw new Error('no snapshot');
    await this.seal(
      'timestamp',
      {
        kind: 'timestamp',
        version: this.next('timestamp'),
        expires: this.now + (this.lifetimes.timestamp ?? 14 * day),
        binding: {},
        snapshot,
      },
      [this.online.timestamp],
    );
  }

  private async publishTargets(role: string): Promise<void> {
    const own = role === 'targets' ? this.online.targets : this.delegated.get(role);
    if (own === undefined) throw new Error(`nobody signs ${role}`);
    const keys = [...this.delegated.values()].map(({ key }) => key);
    const listsKeys = role === 'targets' && this.delegations.length > 0;
    await this.seal(
      role,
      {
        kind: 'targets',
        version: this.next(role),
        expires: this.now + (this.lifetimes.targets ?? 1_095 * day),
        binding: {},
        targets: this.targets.get(role) ?? new Map(),
        delegations: {
          keys: new Map(listsKeys ? keys.map((key) => [key.keyId, key]) : []),
          roles: listsKeys ? this.delegations : [],
        },
      },
      [own],
    );
  }

  /** Alone: the newest timestamp does not know of it. */
  async publishSnapshot(): Promise<void> {
    const meta = new Map([...this.meta].filter(([role]) => role !== 'snapshot' && role !== 'timestamp'));
    await this.seal(
      'snapshot',
      {
        kind: 'snapshot',
        version: this.next('snapshot'),
        expires: this.now + (this.lifetimes.snapshot ?? 1_095 * day),
        binding: {},
        meta,
      },
      [this.online.snapshot],
    );
  }

  private next(role: string): number {
    return (this.versions.get(role) ?? 0) + 1;
  }

  private async seal(role: string, draft: Draft, signers: readonly OwnKey[]): Promise<void> {
    const message = notaryDialect.encode(draft);
    const signatures = await Promise.all(
      signers.map(async ({ key, signer }) =>
        notaryDialect.toSignature(key.keyId, signer.scheme, await signer.sign(message)),
      ),
    );
    const data = notaryDialect.seal(message, signatures);
    this.versions.set(role, draft.version);
    const hashes = new Map([
      ['sha256', sha256Hex(data)],
      ['sha512', sha512Hex(data)],
    ]);
    this.meta.set(role, { length: data.length, hashes });
    this.rows.push({
      id: this.rows.length + 1,
      role: toNotaryRole(role),
      version: draft.version,
      data,
      sha256: sha256Hex(data),
      createdAtMs: this.now,
    });
  }
}

/** A key whose seed is the hash of its label. */
export function ed25519Key(label: string): OwnKey {
  const seed = sha256(new TextEncoder().encode(label));
  const { publicRaw, signer } = ed25519FromSeed(seed);
  return { key: notaryDialect.toKey(ed25519KeyObject(publicRaw)), signer, seed };
}

/** An elliptic-curve key with the certificate of a repository's root. */
export async function rootKey(commonName: string, label: string): Promise<OwnKey> {
  const half = (text: string): Uint8Array => sha256(new TextEncoder().encode(`${label} ${text}`));
  const pkcs8 = p256FromRandom(Buffer.concat([half('a'), half('b')]).subarray(0, 48));
  const terms = {
    commonName,
    notBefore: HISTORY_START - day,
    notAfter: HISTORY_START + 3_650 * day,
    serial: half('serial').subarray(0, 16),
  };
  const key = notaryDialect.toKey(x509KeyObject(await createRootCertificate({ ...terms, pkcs8 })));
  return { key, signer: signerFromPkcs8(pkcs8, 'ecdsa-sha256-p1363') };
}
