/** What `--server-db` and `--signer-db` may say. */
import { describe, expect, it } from 'vitest';
import { CliError } from '../../packages/cli/src/cli-error.ts';
import { parseSourceUrl } from '../../packages/cli/src/migrate/notary/source-url.ts';

const mysql = {
  kind: 'mysql',
  host: 'db.example.com',
  port: 3306,
  user: 'server',
  password: 'p:@/w',
  database: 'notaryserver',
};

describe('a source', () => {
  it.each(['postgres://server@db/notaryserver?sslmode=disable', 'postgresql://db:5433/notaryserver'])(
    'is PostgreSQL: %s',
    (url) => expect(parseSourceUrl(url, '--server-db')).toEqual({ kind: 'postgres', url }),
  );

  it.each([
    ['mysql://server:p%3A%40%2Fw@db.example.com/notaryserver', { tls: 'off' }],
    [
      'mariadb://server:p%3A%40%2Fw@db.example.com:3307/notaryserver?tls=true',
      { port: 3307, tls: 'verified' },
    ],
    ['server:p:@/w@tcp(db.example.com:3306)/notaryserver?parseTime=true', { tls: 'off' }],
    ['server:p:@/w@tcp(db.example.com)/notaryserver?tls=skip-verify', { tls: 'unverified' }],
  ])('is MySQL: %s', (text, difference) => {
    expect(parseSourceUrl(text, '--server-db')).toEqual({ ...mysql, ...difference });
  });

  it('may be behind a Unix socket', () => {
    const socketPath = '/run/mysqld/mysqld.sock';
    expect(parseSourceUrl(`root@unix(${socketPath})/n`, '--signer-db')).toMatchObject({
      socketPath,
      user: 'root',
    });
    expect(parseSourceUrl(`mysql://root@localhost/n?socket=${socketPath}`, '--signer-db')).toMatchObject({
      socketPath,
    });
  });

  it('is refused without a database, of another kind, or with TLS that anybody could switch off', () => {
    const wrong = [
      '',
      'postgres://db',
      'mysql://db/',
      'https://db/x',
      'server@tcp()/n',
      'x'.repeat(5_000),
      'mysql://db/n?tls=preferred',
    ];
    for (const text of wrong) expect(() => parseSourceUrl(text, '--server-db'), text).toThrow(CliError);
  });

  it('is never quoted in a complaint: it may hold a password', () => {
    const complaint = (): unknown => {
      try {
        return parseSourceUrl('mongodb://u:hunter2@db/n', '--signer-db');
      } catch (error) {
        return error;
      }
    };
    const error = complaint();
    expect(error).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(`${String(error)}${error instanceof CliError ? error.hint : ''}`).not.toContain('hunter2');
  });
});
