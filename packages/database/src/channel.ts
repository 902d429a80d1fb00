/** Names of notification channels. */
import { DatabaseError } from './errors.ts';

/** Both drivers put channel names into SQL in their own way; plain names mean the same to both. */
export function assertChannel(channel: string): void {
  if (!/^[a-z_]{1,63}$/.test(channel)) {
    throw new DatabaseError('STATEMENT', { message: 'a channel name has 1 to 63 of a-z and _' });
  }
}
