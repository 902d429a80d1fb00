/** "Bound to its repository": no document is good for another place than the one it was made for. */
import { TufError } from './errors.ts';
import type { TufDocument } from './model.ts';

/** Where a document was found. */
export interface BindingContext {
  readonly dialect: { readonly bound: boolean };
  readonly repository: string;
  readonly foreign: boolean;
}

/**
 * Attack T30: with a key in two repositories or roles, metadata of one could be served as the other's. A
 * document that names another repository or role is refused always, one that names none unless foreign.
 * @throws TufError BINDING
 */
export function assertBinding(context: BindingContext, role: string, document: TufDocument): void {
  const { binding } = document;
  // A dialect without such members has the certificates of its root keys to name the repository.
  const isRequired = context.dialect.bound && !context.foreign;
  assertNamed('repository', binding.repository, context.repository, role, isRequired);
  assertNamed('role', binding.role, role, role, isRequired);
  if (isRequired && binding.issued === undefined) throw unbound(role, 'issued', '');
}

function assertNamed(
  what: 'repository' | 'role',
  found: string | undefined,
  wanted: string,
  role: string,
  isRequired: boolean,
): void {
  if (found === undefined ? isRequired : found !== wanted) throw unbound(role, what, found ?? '');
}

function unbound(role: string, what: string, found: string): TufError {
  const says = found === '' ? `does not say its ${what}` : `is made for another ${what}`;
  return new TufError('BINDING', `role ${role}: the document ${says}`, {
    role,
    what,
    found: found.slice(0, 255),
  });
}
