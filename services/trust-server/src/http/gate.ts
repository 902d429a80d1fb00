/** Bounds how many requests of one kind are under way: beyond it a clear BUSY instead of a slow death. */
import { TrustError } from '../service.ts';
import { concurrency } from './limits.ts';

export type GateName = keyof typeof concurrency;

export interface Gates {
  /** Runs the work if there is room. @throws TrustError BUSY */
  run<Result>(name: GateName, work: () => Promise<Result>): Promise<Result>;
}

/** @param limited - requests at once, where `concurrency` is not meant */
export function createGates(limited: Partial<Readonly<Record<GateName, number>>> = {}): Gates {
  const limits = { ...concurrency, ...limited };
  const underWay: Record<GateName, number> = {
    read: 0,
    edit: 0,
    batch: 0,
    import: 0,
    upload: 0,
    manifest: 0,
  };
  return {
    async run(name, work) {
      if (underWay[name] >= limits[name])
        throw new TrustError('BUSY', 'too many requests at once, try again');
      underWay[name] += 1;
      try {
        return await work();
      } finally {
        underWay[name] -= 1;
      }
    },
  };
}
