/** Bytes turned into text at once: more arguments than some engines take would throw. */
const pieceBytes = 0x6000;

/** Base64 with padding. Pieces are a multiple of three bytes, so that none but the last is padded. */
export function encodeBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    pieces.push(btoa(String.fromCharCode(...bytes.subarray(start, start + pieceBytes))));
  }
  return pieces.join("");
}
