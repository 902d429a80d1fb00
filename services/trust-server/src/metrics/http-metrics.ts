/** Counts of what was asked and answered, in Prometheus' form. */
import { Counter, Histogram, Registry } from 'prom-client';

/** What is done on the Notary wire, by the peer's names. */
export type NotaryOperation =
  | 'GetRole'
  | 'GetRoleByHash'
  | 'GetRoleByVersion'
  | 'GetKey'
  | 'RotateKey'
  | 'UpdateTUF'
  | 'DeleteTUF'
  | 'Changefeed';

export interface HttpMetrics {
  /** @param route - the template, never the path: names would be unbounded labels */
  observeRequest(method: string, route: string, status: number, seconds: number): void;
  /** Metadata is read often: a plain count, collected when somebody looks. */
  countMetadataRead(status: 200 | 304 | 404): void;
  /** The same for the Notary wire. */
  countNotary(operation: NotaryOperation, status: number): void;
  /** The text exposition. */
  print(): Promise<string>;
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** @param registry - where other parts of the process have put theirs; an own one when absent */
export function createHttpMetrics(registry: Registry = new Registry()): HttpMetrics {
  const requests = new Counter({
    name: 'vidimus_http_requests_total',
    help: 'API requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'vidimus_http_request_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['method', 'route'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const metadataReads = { 200: 0, 304: 0, 404: 0 };
  new Counter({
    name: 'vidimus_metadata_reads_total',
    help: 'Metadata files asked for.',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [status, count] of Object.entries(metadataReads)) this.inc({ status }, count);
    },
  });
  const notary = new Map<
    string,
    { readonly operation: NotaryOperation; readonly status: string; count: number }
  >();
  new Counter({
    name: 'vidimus_notary_requests_total',
    help: 'Requests answered on the Notary wire.',
    labelNames: ['operation', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { operation, status, count } of notary.values()) this.inc({ operation, status }, count);
    },
  });
  return {
    observeRequest(method, route, status, seconds) {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, Math.max(0, seconds));
    },
    countMetadataRead(status) {
      metadataReads[status] += 1;
    },
    countNotary(operation, status) {
      const key = `${operation} ${status}`;
      const entry = notary.get(key);
      if (entry === undefined) notary.set(key, { operation, status: String(status), count: 1 });
      else entry.count += 1;
    },
    print: () => registry.metrics(),
  };
}
