import type { Socket } from "node:net";
import { deserialize, serialize } from "node:v8";

/** Longest message, bytes: a tensor of a run, and more. */
const MAX_BYTES = 2 ** 31 - 1;

/** Messages of structured data over a socket: each its length in 4 bytes and its serialized form. */
export class Channel<In, Out> {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(socket: Socket, onMessage: (message: In) => void) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      for (let message = this.#take(); message !== null; message = this.#take()) onMessage(message.value);
    });
  }

  send(message: Out): void {
    if (this.#socket.destroyed) return;
    const body = serialize(message);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(body.length);
    this.#socket.write(head);
    this.#socket.write(body);
  }

  #take(): { value: In } | null {
    if (this.#length < 4) return null;
    if (this.#chunks[0]!.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const size = this.#chunks[0]!.readUInt32LE(0);
    if (size > MAX_BYTES) {
      this.#socket.destroy();
      return null;
    }
    if (this.#length < 4 + size) return null;
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const rest = all.subarray(4 + size);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return { value: deserialize(all.subarray(4, 4 + size)) as In };
  }
}
