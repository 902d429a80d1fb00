/** The REST API of a server, for calls about all its repositories. */
import { createPublishClient, type PublishClient } from '@vidimus/trust-client';
import { serverSettings } from '../client/server-settings.ts';
import type { Context } from '../context.ts';

/** @throws CliError USAGE where no server is named */
export async function withFleet<Result>(
  context: Context,
  work: (publisher: PublishClient) => Promise<Result>,
): Promise<Result> {
  const publisher = createPublishClient(serverSettings(context));
  try {
    return await work(publisher);
  } finally {
    publisher.close();
  }
}
