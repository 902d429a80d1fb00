/** A stream that somebody writes into piece by piece, no faster than the other side reads. */

export interface TextStream {
  readonly stream: ReadableStream<Uint8Array>;
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly close: () => void;
  readonly fail: (error: unknown) => void;
}

const piecesHeld = 64;

export function createTextStream(): TextStream {
  let wake: (() => void) | undefined;
  let gone = false;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const resume = (): void => {
    wake?.();
    wake = undefined;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      pull: resume,
      cancel: () => {
        gone = true;
        resume();
      },
    },
    { highWaterMark: piecesHeld },
  );
  return {
    stream,
    write: async (bytes) => {
      while (!gone && (controller?.desiredSize ?? 0) <= 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (gone) throw new Error('nobody reads the backup any more');
      controller?.enqueue(bytes);
    },
    close: () => controller?.close(),
    fail: (error) => controller?.error(error),
  };
}
