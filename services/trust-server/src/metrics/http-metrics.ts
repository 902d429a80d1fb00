/** Counts of what was asked and answered, in Prometheus' form. */
import { Counter, Histogram, Registry } from 'prom-client';

export interface HttpMetrics {
  /** @param route - the template, never the path: names would be unbounded labels */
  observeRequest(method: string, route: string, status: number, seconds: number): void;
  /** Metadata is read often: a plain count, collected when somebody looks. */
  countMetadataRead(status: 200 | 304 | 404): void;
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
  return {
    observeRequest(method, route, status, seconds) {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, Math.max(0, seconds));
    },
    countMetadataRead(status) {
      metadataReads[status] += 1;
    },
    print: () => registry.metrics(),
  };
}
