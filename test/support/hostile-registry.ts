/** The lies a registry can tell, each as an interception of an honest one. */
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { OCI_MANIFEST } from '@vidimus/oci';
import type { Intercept } from './registry-memory.ts';

const isManifest = (url: string | undefined): boolean => url?.includes('/manifests/') === true;

function onManifests(deed: (response: ServerResponse) => void): Intercept {
  return (request, response) => {
    if (!isManifest(request.url)) return false;
    deed(response);
    return true;
  };
}

/** A login page with status 200, as captive portals and single sign-on send it. */
export const htmlPage: Intercept = onManifests((response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end('<!doctype html><title>Sign in</title>');
});

/** Announces more bytes than it sends, then hangs up. */
export const shortBody: Intercept = onManifests((response) => {
  response.writeHead(200, { 'content-type': OCI_MANIFEST, 'content-length': 1_000 });
  response.write('{}');
  setImmediate(() => response.destroy());
});

/** 8 MB of zeros in 8 kB of gzip, which nobody asked for. */
export const gzipBomb: Intercept = onManifests((response) => {
  response.writeHead(200, { 'content-type': OCI_MANIFEST, 'content-encoding': 'gzip' });
  response.end(gzipSync(Buffer.alloc(8 * 1024 * 1024)));
});

/** Never stops sending. */
export const endlessBody: Intercept = onManifests((response) => {
  response.writeHead(200, { 'content-type': OCI_MANIFEST });
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
});

/** Sends the beginning of an answer and then nothing. */
export const stalledBody: Intercept = onManifests((response) => {
  response.writeHead(200, { 'content-type': OCI_MANIFEST });
  response.write('{"schemaVersion":2,');
});

/** Takes the request and never answers. */
export const silence: Intercept = () => true;

/** Other bytes than the digest it claims for them. */
export function otherBytes(bytes: Uint8Array, claimed: string): Intercept {
  return onManifests((response) => {
    response.writeHead(200, { 'content-type': OCI_MANIFEST, 'docker-content-digest': claimed });
    response.end(bytes);
  });
}

/** Sends every request whose URL matches somewhere else. */
export function redirectTo(location: string, where: RegExp = /./, status = 307): Intercept {
  return (request, response) => {
    if (!where.test(request.url ?? '')) return false;
    response.writeHead(status, { location });
    response.end();
    return true;
  };
}

/** Answers every request with a status and nothing else. */
export function statusOnly(status: number, headers: Readonly<Record<string, string>> = {}): Intercept {
  return (_, response) => {
    response.writeHead(status, headers);
    response.end();
    return true;
  };
}

/** Answers manifests with these bytes under this media type. */
export function servedAs(bytes: Uint8Array, mediaType: string): Intercept {
  return onManifests((response) => {
    response.writeHead(200, { 'content-type': mediaType });
    response.end(bytes);
  });
}
