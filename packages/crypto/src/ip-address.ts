/** IP addresses as bytes, for the names in a certificate. */

const MAX_CHARACTERS = 45;

/** 4 or 16 bytes of an IPv4 or IPv6 address, undefined for anything else (a zone, a port, brackets, too). */
export function toAddress(text: string): Uint8Array | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  return text.includes(':') ? toIpv6(text) : toIpv4(text);
}

function toIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  const isByte = (part: string): boolean => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256;
  return parts.length === 4 && parts.every(isByte) ? Uint8Array.from(parts, Number) : undefined;
}

function toIpv6(text: string): Uint8Array | undefined {
  // The URL parser knows every spelling and prints one: lower case, no leading zeros, at most one `::`.
  if (!/^[0-9a-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const groups = (part: string): string[] => part.split(':').filter((group) => group !== '');
  const left = groups(head);
  const right = groups(tail ?? '');
  const middle = new Array<string>(8 - left.length - right.length).fill('0');
  return Uint8Array.from(
    [...left, ...middle, ...right].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
