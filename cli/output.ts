/** Writes text and a line end to standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes text that comes in pieces to standard output as it is. */
export function printPieces(pieces: Iterable<string>): void {
  for (const piece of pieces) process.stdout.write(piece);
}

/** Writes the one JSON document of a command to standard output. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document));
}

/** Writes a line to standard error: what is under way, and what is worth knowing beside the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A reader that closes the pipe early (`toroid … | head`) is no error. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
}
