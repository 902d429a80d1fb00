/** What the Notary wire of `vidimus serve` is told: who may use it, for which names, and whose tokens count. */
import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AccessError, createOwnRegistryTokens, type RegistryTokens, trustTokenServer } from '@vidimus/access';
import type { MasterKey } from '@vidimus/key-store';
import type { NotaryWireParts } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import { besideConfig } from '../config/resolve-config.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ServeSettings } from './serve-settings.ts';

/** Changing it would end all tokens of a moment, no more. */
const secretPurpose = 'vidimus registry tokens v1';

/**
 * The registry's token server, if the configuration names one.
 * @throws CliError CONFIG_INVALID for certificates that cannot be read or used
 */
export async function readTokenServer(
  { service, configFile = '.' }: ServeSettings,
  now: () => number,
): Promise<RegistryTokens | undefined> {
  const { tokenAuth } = service;
  if (tokenAuth === undefined) return undefined;
  const file = besideConfig(configFile, tokenAuth.rootCertBundle);
  try {
    return await trustTokenServer({ ...tokenAuth, rootCertBundle: readFileSync(file, 'utf8') }, now);
  } catch (cause) {
    const reason = cause instanceof AccessError ? cause.message : 'it cannot be read';
    throw new CliError(
      'CONFIG_INVALID',
      exitCodes.usage,
      `service.tokenAuth.rootCertBundle, ${file}: ${reason}`,
      'name the certificates (PEM) of the keys that sign the token server’s tokens',
      { cause },
    );
  }
}

/** @param tokenServer - absent: this service gives its clients tokens, which all replicas with the master key take */
export function toNotaryWire(
  { service, publicUrl }: ServeSettings,
  tokenServer: RegistryTokens | undefined,
  master: MasterKey,
  now: () => number,
): Omit<NotaryWireParts, 'service'> {
  return {
    access: service.access,
    gunPrefixes: service.gunPrefixes,
    tokens: tokenServer ?? createOwnRegistryTokens(deriveSecret(master), now),
    ...(publicUrl === undefined ? {} : { publicUrl: new URL(publicUrl).origin }),
  };
}

function deriveSecret({ key }: MasterKey): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), secretPurpose, 32));
}
