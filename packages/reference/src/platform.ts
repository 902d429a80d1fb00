/** Platforms as image indexes list them, with containerd's normalisation of aliases. */
import { quote, ReferenceFormatError } from './errors.ts';

const MAX_PLATFORM_CHARACTERS = 128;
const PART = /^[A-Za-z0-9_.-]+$/;
const OS_PART = /^([A-Za-z0-9_.-]+)(?:\(([A-Za-z0-9_.-]+)\))?$/;
const DEFAULT_OS = 'linux';

// A single word is an architecture only when it is a known one: `windows` alone says too little.
const KNOWN_ARCHITECTURES: ReadonlySet<string> = new Set([
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips64le',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm',
]);

/** A normalised platform: lower case, no aliases, no variant that only repeats the default. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Windows build, as `10.0.17763.1234`. */
  readonly osVersion?: string;
}

/**
 * Parses `os[(version)]/architecture[/variant]`, or a known architecture alone (then linux).
 *
 * `linux/x86_64` is `linux/amd64`, `aarch64` and `arm64/v8` are `arm64`, `armhf` and `arm` are `arm/v7`.
 *
 * @throws ReferenceFormatError PLATFORM_INVALID
 * @see containerd/platforms database.go, normalizeArch
 */
export function parsePlatform(text: string): Platform {
  if (text.length > MAX_PLATFORM_CHARACTERS) throw invalid(text);
  const parts = text.split('/');
  if (parts.length === 1) return parseArchitectureAlone(text);
  const [osPart = '', architecturePart = '', variantPart] = parts;
  const os = OS_PART.exec(osPart);
  const name = os?.[1];
  if (parts.length > 3 || name === undefined || !PART.test(architecturePart)) throw invalid(text);
  if (variantPart !== undefined && !PART.test(variantPart)) throw invalid(text);
  const osVersion = os?.[2];
  return {
    os: normaliseOs(name),
    ...normaliseArchitecture(architecturePart, variantPart ?? ''),
    ...(osVersion === undefined ? {} : { osVersion }),
  };
}

/** Prints a platform as `os[(version)]/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const version = platform.osVersion === undefined ? '' : `(${platform.osVersion})`;
  const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
  return `${platform.os}${version}/${platform.architecture}${variant}`;
}

/**
 * Whether a manifest offered for one platform runs where another is wanted.
 *
 * Same system and architecture; a numbered variant runs all lower ones (`arm/v7` runs `arm/v6`); a wanted
 * Windows build must be the offered one.
 */
export function matchesPlatform(wanted: Platform, offered: Platform): boolean {
  if (wanted.os !== offered.os || wanted.architecture !== offered.architecture) return false;
  if (wanted.osVersion !== undefined && wanted.osVersion !== offered.osVersion) return false;
  if (wanted.variant === offered.variant) return true;
  const [most, needed] = [variantNumber(wanted), variantNumber(offered)];
  return most !== undefined && needed !== undefined && needed <= most;
}

function parseArchitectureAlone(text: string): Platform {
  if (!PART.test(text)) throw invalid(text);
  const known = normaliseArchitecture(text, '');
  if (!KNOWN_ARCHITECTURES.has(known.architecture)) throw invalid(text);
  return { os: DEFAULT_OS, ...known };
}

function normaliseOs(text: string): string {
  const os = text.toLowerCase();
  return os === 'macos' ? 'darwin' : os;
}

function normaliseArchitecture(
  architectureText: string,
  variantText: string,
): { architecture: string; variant?: string } {
  const architecture = architectureText.toLowerCase();
  const variant = variantText.toLowerCase();
  switch (architecture) {
    case 'i386':
      return { architecture: '386' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return withVariant('amd64', variant === 'v1' ? '' : variant);
    case 'aarch64':
    case 'arm64':
      return withVariant('arm64', variant === '8' || variant === 'v8' || variant === 'v8.0' ? '' : variant);
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return withVariant('arm', variant === '' ? 'v7' : variant.replace(/^([5-8])$/, 'v$1'));
    default:
      return withVariant(architecture, variant);
  }
}

function withVariant(architecture: string, variant: string): { architecture: string; variant?: string } {
  return variant === '' ? { architecture } : { architecture, variant };
}

const DEFAULT_VARIANTS: ReadonlyMap<string, string> = new Map([
  ['amd64', 'v1'],
  ['arm64', 'v8'],
]);

function variantNumber(platform: Platform): number | undefined {
  const variant = platform.variant ?? DEFAULT_VARIANTS.get(platform.architecture);
  const match = variant === undefined ? null : /^v([0-9]{1,2}(?:\.[0-9]{1,2})?)$/.exec(variant);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

function invalid(text: string): ReferenceFormatError {
  return new ReferenceFormatError('PLATFORM_INVALID', `${quote(text)} is not os/architecture[/variant]`);
}
