/** Multipart bodies as a stranger may write them: read exactly, or refused. */
import { NotaryError } from '@vidimus/notary';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NamelessPartError,
  parseMultipart,
  readBoundary,
} from '../../../../services/trust-server/src/http/read-multipart.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const disposition = (filename: string): string =>
  `Content-Disposition: form-data; name="files"; filename="${filename}"`;
const part = (headers: string, content: string, boundary = 'b'): string =>
  `--${boundary}\r\n${headers}\r\n\r\n${content}\r\n`;
const form = (...parts: readonly string[]): string => `${parts.join('')}--b--\r\n`;
const read = (body: string, boundary = 'b') =>
  parseMultipart(encode(body), boundary).map(({ filename, bytes }) => [
    filename,
    Buffer.from(bytes).toString(),
  ]);

/** The code of the refusal, or the files. */
function outcome(body: string | Uint8Array): unknown {
  try {
    return parseMultipart(typeof body === 'string' ? encode(body) : body, 'b').length;
  } catch (error) {
    if (error instanceof NamelessPartError) return 'NO_FILENAME';
    if (error instanceof NotaryError) return error.code;
    throw error;
  }
}

describe('readBoundary', () => {
  it.each([
    ['multipart/form-data; boundary=a6bd06', 'a6bd06'],
    ['Multipart/Form-Data;boundary="a b\'(c)+_,-./:=?d"', "a b'(c)+_,-./:=?d"],
    ['multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk', '----WebKitFormBoundary7MA4YWxk'],
  ])('reads %s', (type, boundary) => {
    expect(readBoundary(type)).toBe(boundary);
  });

  it.each([
    null,
    '',
    'application/json',
    'multipart/mixed; boundary=x',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="ends with a blank "',
    'multipart/form-data; boundary=a; boundary=b',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
    'multipart/form-data; boundary=ü',
  ])('refuses %j', (type) => {
    expect(() => readBoundary(type)).toThrow(expect.objectContaining({ code: 'MALFORMED_UPLOAD' }));
  });
});

describe('parseMultipart', () => {
  it('reads files in their order, slashes and all, bytes untouched', () => {
    const body = form(
      part(`${disposition('targets/releases')}\r\nContent-Type: application/octet-stream`, '{"a":1}\n'),
      part(`content-disposition:form-data;filename=root.json;name=files`, '\r\n--not the boundary\r\n'),
      part(disposition('snapshot'), ''),
    );
    expect(read(body)).toEqual([
      ['targets/releases', '{"a":1}\n'],
      ['root.json', '\r\n--not the boundary\r\n'],
      ['snapshot', ''],
    ]);
  });

  it('reads an empty form as Go writes it', () => {
    expect(read('\r\n--b--\r\n')).toEqual([]);
    expect(read('--b--')).toEqual([]);
  });

  it('gives copies, so that a small file does not hold a large upload', () => {
    const [file] = parseMultipart(encode(form(part(disposition('root'), 'x'))), 'b');
    expect(file?.bytes.buffer.byteLength).toBe(1);
  });

  it.each([
    ['no file name', part('Content-Disposition: form-data; name="files"', 'x')],
    ['an empty file name', part(disposition(''), 'x')],
    ['no disposition', part('Content-Type: application/json', 'x')],
  ])('has no name for a part with %s', (_name, text) => {
    expect(outcome(form(text))).toBe('NO_FILENAME');
  });

  it.each([
    ['nothing', ''],
    ['no boundary', 'x'],
    ['another boundary', part(disposition('root'), 'x', 'c')],
    ['text before the first boundary', `preamble\r\n${form(part(disposition('root'), 'x'))}`],
    ['text after the last boundary', `${form(part(disposition('root'), 'x'))}epilogue`],
    ['a second form after the first', form(part(disposition('root'), 'x')).repeat(2)],
    ['no last boundary', part(disposition('root'), 'x')],
    ['a boundary that goes on', `${part(disposition('root'), 'x')}--bx--\r\n`],
    ['a boundary padded with blanks', `--b  \r\n${disposition('root')}\r\n\r\nx\r\n--b--\r\n`],
    ['no headers', '--b\r\n\r\nx\r\n--b--\r\n'],
    ['headers without an end', `--b\r\n${disposition('root')}\r\n--b--\r\n`],
    ['a header without a colon', form(part(`${disposition('root')}\r\nnonsense`, 'x'))],
    ['a folded header', form(part('Content-Disposition: form-data;\r\n name="files"; filename="root"', 'x'))],
    ['a bare line feed in a header', form(part(`${disposition('root')}\nX: y`, 'x'))],
    ['two dispositions', form(part(`${disposition('root')}\r\n${disposition('targets')}`, 'x'))],
    ['two file names', form(part(`${disposition('root')}; filename="targets"`, 'x'))],
    ['an extended file name', form(part("Content-Disposition: form-data; filename*=UTF-8''root", 'x'))],
    ['an escape in the file name', form(part(disposition('ro\\"ot'), 'x'))],
    ['an attachment', form(part('Content-Disposition: attachment; filename="root"', 'x'))],
    [
      'quoted-printable',
      form(part(`${disposition('root')}\r\nContent-Transfer-Encoding: quoted-printable`, 'x')),
    ],
    ['base64', form(part(`${disposition('root')}\r\nContent-Transfer-Encoding: base64`, 'x'))],
    ['headers without end', form(part(`${disposition('root')}\r\nX: ${'y'.repeat(5_000)}`, 'x'))],
    ['more than a thousand parts', form(part(disposition('root'), 'x').repeat(1_001))],
  ])('refuses %s', (_name, body) => {
    expect(outcome(body)).toBe('MALFORMED_UPLOAD');
  });

  it('refuses headers that are not UTF-8', () => {
    const bytes = Buffer.from(form(part(disposition('ro\u00fft'), 'x')), 'latin1');
    expect(outcome(bytes)).toBe('MALFORMED_UPLOAD');
  });

  it('takes a thousand parts', () => {
    expect(outcome(form(part(disposition('root'), 'x').repeat(1_000)))).toBe(1_000);
  });

  it('refuses ten thousand parts before it has read them', () => {
    const body = form(part(disposition('root'), 'x').repeat(10_000));
    const started = performance.now();
    expect(outcome(body)).toBe('MALFORMED_UPLOAD');
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('reads back what a client writes, whatever is in the files', () => {
    const file = fc.record({
      filename: fc.stringMatching(/^[a-z0-9_/.-]{1,40}$/),
      content: fc.oneof(fc.string(), fc.constantFrom('--b', '\r\n--', '\r\n--a', '\r\n', '--b--')),
    });
    fc.assert(
      fc.property(fc.array(file, { maxLength: 6 }), (files) => {
        // A client chooses a boundary that no file holds.
        fc.pre(files.every(({ content }) => !`\r\n${content}`.includes('\r\n--b')));
        const body = form(...files.map(({ filename, content }) => part(disposition(filename), content)));
        expect(read(body)).toEqual(
          files.map(({ filename, content }) => [filename, Buffer.from(content).toString()]),
        );
      }),
    );
  });

  it('refuses an upload cut anywhere', () => {
    const whole = encode(
      form(part(disposition('targets/releases'), '{"signed":{}}'), part(disposition('root'), '{}')),
    );
    for (let length = 0; length < whole.length - 2; length += 1) {
      expect([length, outcome(whole.subarray(0, length))]).toEqual([length, 'MALFORMED_UPLOAD']);
    }
  });

  it('answers any bytes with files or a refusal', () => {
    const piece = fc.constantFrom('--b', '\r\n', '--', ':', ';', '"', disposition('root'), 'x', '\0', '\\');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const found = outcome(`--b\r\n${pieces.join('')}`);
        expect(typeof found === 'number' || found === 'MALFORMED_UPLOAD' || found === 'NO_FILENAME').toBe(
          true,
        );
      }),
    );
  });

  it('needs no more than linear time for a boundary made to be looked for in vain', () => {
    const boundary = 'a'.repeat(70);
    const near = `\r\n--${'a'.repeat(69)}`;
    const timeOf = (count: number): number => {
      const body = encode(`--${boundary}\r\n${disposition('root')}\r\n\r\n${near.repeat(count)}`);
      const started = performance.now();
      expect(() => parseMultipart(body, boundary)).toThrow(NotaryError);
      return performance.now() - started;
    };
    timeOf(1_000);
    expect(timeOf(300_000)).toBeLessThan(3_000);
  });
});
