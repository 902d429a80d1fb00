/** Runs a workflow: moves bytes between it, the cache and the server, and judges nothing. */
import type { CacheFile, Reply, Step, Workflow } from '@vidimus/tuf';
import type { CacheRun } from './cache/metadata-cache.ts';
import type { MetadataSource } from './http/metadata-source.ts';

export type Warn = (code: string, detail: Readonly<Record<string, string | number>>) => void;

export interface Surroundings {
  readonly cache: CacheRun;
  readonly source: MetadataSource;
  readonly warn: Warn;
  /**
   * What to do when another process replaced a file meanwhile: `restart` throws Superseded, for a refresh,
   * whose verdict must not be older than the cache; `keep` leaves the other's file, for a role file that
   * the state in hand already pins by version or hash.
   */
  readonly whenSuperseded: 'restart' | 'keep';
}

/** Another process went further with the same cache: start again from what it left. */
export class Superseded extends Error {
  constructor(file: CacheFile) {
    super(`another process replaced ${file.role}`);
    this.name = 'Superseded';
  }
}

/** The workflow's result. @throws whatever the workflow, the cache or the source throws, and Superseded */
export async function drive<Result>(workflow: Workflow<Result>, surroundings: Surroundings): Promise<Result> {
  let next = workflow.next();
  while (!next.done) {
    let reply: Reply;
    try {
      reply = await perform(next.value, surroundings);
    } catch (error) {
      next = workflow.throw(error);
      continue;
    }
    next = workflow.next(reply);
  }
  return next.value;
}

async function perform(step: Step, surroundings: Surroundings): Promise<Reply> {
  const { cache, source, warn } = surroundings;
  switch (step.do) {
    case 'load':
      return await cache.load(step.file);
    case 'fetch':
      return await source.fetch(step.role, step.version, step.maxBytes, step.sha256);
    case 'store':
      heed(await cache.store(step.file, step.bytes), step.file, surroundings);
      return undefined;
    case 'discard':
      heed(await cache.discard(step.file), step.file, surroundings);
      return undefined;
    case 'warn':
      warn(step.code, step.detail);
      return undefined;
  }
}

function heed(outcome: string, file: CacheFile, surroundings: Surroundings): void {
  if (outcome === 'superseded' && surroundings.whenSuperseded === 'restart') throw new Superseded(file);
}
