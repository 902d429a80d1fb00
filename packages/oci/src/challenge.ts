/** `WWW-Authenticate` of a 401 (RFC 9110 section 11.6.1), read leniently in form and strictly in meaning. */

export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string };

const MAX_CHALLENGE_CHARACTERS = 4_096;
const parameter = /([a-z_]+)\s*=\s*(?:"([^"\\]*)"|([^\s",]+))/gi;

/** The first challenge we can answer, Bearer before Basic; undefined when there is none. Never throws. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > MAX_CHALLENGE_CHARACTERS) return undefined;
  const bearer = /(?:^|,)\s*bearer\s+/i.exec(header);
  if (bearer !== null) {
    const parameters = new Map<string, string>();
    for (const [, name, quoted, bare] of header.slice(bearer.index + bearer[0].length).matchAll(parameter)) {
      const key = (name ?? '').toLowerCase();
      if (!parameters.has(key)) parameters.set(key, quoted ?? bare ?? '');
    }
    const realm = parameters.get('realm');
    const service = parameters.get('service');
    if (realm !== undefined) {
      return { scheme: 'bearer', realm, ...(service === undefined ? {} : { service }) };
    }
  }
  return /(?:^|,)\s*basic(?:\s|,|$)/i.test(header) ? { scheme: 'basic' } : undefined;
}
