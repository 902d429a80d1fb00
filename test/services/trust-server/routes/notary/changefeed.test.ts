/** The change feed as the peer prints it, and its parameters. */
import { describe, expect, it } from 'vitest';
import { feed, repository, token, wireForTest } from './wire-for-test.ts';

const path = `/v2/${repository}/_trust/changefeed`;
const ask = async (target: string) => {
  const wire = wireForTest();
  const answer = await wire.app.request(target, { headers: { Authorization: `Bearer ${token}` } });
  return { status: answer.status, body: await answer.text(), asked: wire.done.map(({ args }) => args) };
};
const invalid = (detail: unknown): string =>
  `${JSON.stringify({ errors: [{ code: 'INVALID_PARAMETERS', message: 'The parameters provided are not valid.', detail }] })}\n`;

describe('the change feed', () => {
  it('prints records in the members and order of the peer', async () => {
    expect(await ask(`${path}?records=100`)).toMatchObject({
      status: 200,
      body:
        '{"count":2,"records":[' +
        `{"ID":"12","CreatedAt":"2026-11-21T09:00:00.000Z","GUN":"${repository}","Version":3,"SHA256":"${'ab'.repeat(32)}","Category":"update"},` +
        `{"ID":"13","CreatedAt":"2026-11-21T09:00:00.001Z","GUN":"${repository}","Version":0,"SHA256":"","Category":"deletion"}]}`,
    });
    expect(feed).toHaveLength(2);
  });

  it.each([
    ['records=3', { after: 0, count: 3 }],
    ['records=0', { after: 0, count: 100 }],
    ['change_id=2&records=3', { after: 2, count: 3 }],
    ['change_id=-1&records=3', { after: -1, count: -3 }],
    ['change_id=-9&records=3', { after: -1, count: -3 }],
    ['change_id=5&records=-2', { after: 5, count: -2 }],
    ['records=1000000', { after: 0, count: 1_000 }],
    ['records=-1000000', { after: -1, count: -1_000 }],
    ['change_id=0&records=-2', { after: -1, count: -2 }],
    ['records=%2B7', { after: 0, count: 7 }],
    ['change_id=&records=3', { after: 0, count: 3 }],
  ])('reads ?%s', async (query, page) => {
    expect((await ask(`${path}?${query}`)).asked).toEqual([[{ repository }, page]]);
    expect((await ask(`/v2/_trust/changefeed?${query}`)).asked).toEqual([[{}, page]]);
  });

  it.each([
    ['', 'invalid records parameter: strconv.ParseInt: parsing "": invalid syntax'],
    ['records=x', 'invalid records parameter: strconv.ParseInt: parsing "x": invalid syntax'],
    ['records=1.5', 'invalid records parameter: strconv.ParseInt: parsing "1.5": invalid syntax'],
    ['change_id=abc&records=1', {}],
    ['change_id=1.0&records=1', {}],
    [
      'records=2147483648',
      'invalid records parameter: strconv.ParseInt: parsing "2147483648": value out of range',
    ],
  ])('refuses ?%s as the peer does', async (query, detail) => {
    expect(await ask(`${path}?${query}`)).toEqual({ status: 400, body: invalid(detail), asked: [] });
  });

  it('refuses numbers beyond all ids, and keeps the answer short', async () => {
    const { status, body } = await ask(`${path}?records=${'9'.repeat(1_500)}`);
    expect([status, Buffer.byteLength(body) < 1_024]).toEqual([400, true]);
  });
});
