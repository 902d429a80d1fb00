/** What a stranger may upload. Checked before the work it bounds. */
import { DEFAULT_LIMITS, type Limits } from '@vidimus/tuf';

/** Files of one upload; a client sends a few. */
export const MAX_PARTS = 1_024;
/** Delegated roles of one repository: each costs snapshot 300 bytes, and every upload a look at its file. */
export const MAX_DELEGATED_ROLES = 1_000;
/** Keys that the delegations of one file bring: to admit each takes up to 5 ms. */
export const MAX_DELEGATION_KEYS = 1_000;
/** `targets/a/b` is of depth 2. The clients walk the tree by recursion. */
export const MAX_ROLE_DEPTH = 16;
/** A repository's first targets is 2 from both clients, its first root 1; some tools begin with the other. */
export const MAX_FIRST_VERSION = 2;
/** The most that a Notary server can have stored: its databases have a 32-bit integer there. */
export const MAX_VERSION = 2 ** 31 - 1;
/** By kind of file, bytes: what is taken here must not be too large for who reads it. 50,000 targets take 5 MB. */
export const UPLOAD_LIMITS: Limits = DEFAULT_LIMITS;
