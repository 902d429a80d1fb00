/** An entry of the organisation's directory, as the change describes it. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import { type DialectEdit, toDirectoryTarget } from '@vidimus/tuf';
import type { DescribedEdit } from './described-edit.ts';
import { type EditContext, presentDocument } from './edit-context.ts';
import { mismatch } from './offered-document.ts';

/** @throws TrustClientError CHANGE_MISMATCH; TufError MALFORMED for what is no entry */
export function resolveEntry(
  context: EditContext,
  { pattern, body }: Extract<DescribedEdit, { kind: 'entry' }>,
): DialectEdit {
  const targets = presentDocument(context, 'targets');
  if (targets?.binding.repository !== DIRECTORY_NAME) throw mismatch('only the directory has entries');
  if (body !== undefined) {
    return { targets: new Map([['targets', { set: [toDirectoryTarget(pattern, body)] }]]) };
  }
  if (!targets.targets.has(pattern)) throw mismatch(`there is no entry ${pattern} to take away`);
  return { targets: new Map([['targets', { remove: [pattern] }]]) };
}
