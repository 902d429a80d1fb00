/** A simulated repository whose targets are images of a registry in memory, and a client that judges them. */
import { createRegistryClient, type RegistryClient, type SmallImage } from '@vidimus/oci';
import { type Bundle, builtInBundle } from '@vidimus/policy';
import { parsePlatform, parseReference } from '@vidimus/reference';
import { type Verification, verifyImage } from '@vidimus/verifier';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/registry-memory.ts';
import { type BedSettings, makeTestBed, type TestBed } from '../../support/trust-test-bed.ts';
import { define, map, TufSimulator } from '../../support/tuf-simulator.ts';

export const bundle = builtInBundle();
export const decisionId = '01JDQ9T7XK0000000000000000';

export interface Judging {
  readonly platform?: string;
  readonly strict?: boolean;
  readonly settings?: BedSettings;
  /** Absent: the built-in policy. */
  readonly policies?: Bundle;
}

export interface VerifierBed {
  readonly trust: TestBed;
  readonly simulator: TufSimulator;
  readonly registry: MemoryRegistry;
  /** `127.0.0.1:<port>/shop/web` */
  readonly repository: string;
  /** Pushes the image and signs it under the tag; nothing is current before `publish`. */
  readonly sign: (tag: string, image: SmallImage, role?: string, length?: number) => void;
  readonly revoke: (digest: string) => void;
  readonly publish: () => void;
  /** Judges as a new process would; `name` follows the repository: `:tag`, `@digest`. */
  readonly verify: (name: string, judging?: Judging) => Promise<Verification>;
  readonly close: () => Promise<void>;
}

/** @param options without the role `revocations`: the repository of somebody else, or one it was taken from */
export async function makeVerifierBed(
  options: { readonly withoutRevocations?: boolean } = {},
): Promise<VerifierBed> {
  const registry = await startMemoryRegistry();
  const { repository } = registry;
  const simulator = new TufSimulator({ repository });
  const trust = await makeTestBed(simulator);
  if (options.withoutRevocations !== true) {
    simulator.delegate('targets', 'revocations', { paths: ['sha256:*'], terminating: true });
  }
  simulator.publishAll();
  const clients: RegistryClient[] = [];
  return {
    trust,
    simulator,
    registry,
    repository,
    sign(tag, image, role = 'targets', length = image.size) {
      registry.add(image, tag);
      simulator.target(role, tag, new TextDecoder().decode(image.bytes));
      const target = map(simulator.document(role), 'targets', tag);
      target['length'] = length;
      target['custom'] = { vidimus: { mediaType: image.mediaType, since: '2026-11-20T10:00:00Z' } };
    },
    revoke(digest) {
      const custom = { reason: 'a hole', at: '2026-11-20T17:31:00Z' };
      const hashes = { sha256: digest.slice('sha256:'.length) };
      define(map(simulator.document('revocations'), 'targets'), digest, { length: 0, hashes, custom });
    },
    publish: () => simulator.publishAll(),
    async verify(name, { platform, strict = false, settings, policies = bundle } = {}) {
      const client = createRegistryClient({ timeouts: { connectMs: 2_000, idleMs: 500, documentMs: 5_000 } });
      clients.push(client);
      const requested = `${repository}${name}`;
      return await verifyImage(
        {
          openTrust: () => trust.start(settings),
          registry: client,
          bundleFor: () => policies,
          now: () => simulator.now,
          decisionId: () => decisionId,
        },
        {
          requested,
          reference: parseReference(requested),
          action: 'pull',
          strict,
          ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
        },
      );
    },
    async close() {
      for (const client of clients) client.close();
      await registry.close();
      await trust.close();
    },
  };
}

/** `deny CODE CODE`: the verdict and every code behind it, in order, each once. */
export function verdict({ decision }: Verification): string {
  const findings = decision.decision === 'deny' ? decision.failures : decision.warnings;
  return [decision.decision, ...new Set(findings.map(({ code }) => code))].join(' ');
}
