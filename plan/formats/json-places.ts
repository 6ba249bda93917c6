/** Keys and indices that lead to a value of a JSON text. */
export type JsonPath = readonly (string | number)[];

/**
 * Whether brackets nest deeper than `limit` anywhere in a text, those inside of double quotes apart. Tells before any
 * parser runs, some of which would overflow their stack.
 */
export function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
    if (depth > limit) return true;
  }
  return false;
}

/** The first object key that stands twice in one object of a valid JSON text, and where the second one is, or null. */
export function findDuplicateKey(text: string): { path: JsonPath; offset: number } | null {
  const seen: Set<string>[] = [];
  let found: { path: JsonPath; offset: number } | null = null;
  const visit = (path: JsonPath, offset: number) => {
    const key = path[path.length - 1]!;
    if (typeof key === "number") return true;
    while (seen.length < path.length) seen.push(new Set());
    const keys = seen[path.length - 1]!;
    if (keys.has(key)) found = { path: [...path], offset };
    keys.add(key);
    return found === null;
  };
  visitKeys(text, visit, (depth) => {
    while (seen.length > depth) seen.pop();
  });
  return found;
}

/** The line (from 1) of the value at a path of a valid JSON text; of its nearest parent where it does not exist. */
export function lineOfPath(text: string, path: JsonPath): number {
  let best = 0;
  let bestLength = 0;
  visitKeys(text, (visited, at) => {
    const isPrefix = visited.length <= path.length && visited.every((key, index) => key === path[index]);
    if (isPrefix && visited.length > bestLength) {
      best = at;
      bestLength = visited.length;
    }
    return bestLength < path.length;
  });
  return lineAt(text, best);
}

/** The line (from 1) of a place in a text. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Visits each key and each array element of a valid JSON text, with its offset, until `visit` returns false. */
function visitKeys(
  text: string,
  visit: (path: JsonPath, offset: number) => boolean,
  leave: (depth: number) => void = () => undefined,
): void {
  const path: (string | number)[] = [];
  const isArray: boolean[] = [];
  let expectsKey = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "[" || char === "{") {
      if (!beginElement(at)) return;
      isArray.push(char === "[");
      path.push(char === "[" ? -1 : "");
      expectsKey = char === "{";
    } else if (char === "]" || char === "}") {
      isArray.pop();
      path.pop();
      leave(path.length);
      expectsKey = false;
    } else if (char === ",") {
      expectsKey = isArray.at(-1) === false;
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (expectsKey) {
        path[path.length - 1] = JSON.parse(text.slice(at, end + 1)) as string;
        expectsKey = false;
        if (!visit(path, at)) return;
      } else if (!beginElement(at)) return;
      at = end;
    } else if (/[-\dtfn]/.test(char)) {
      if (!beginElement(at)) return;
      while (at + 1 < text.length && /[\w.+-]/.test(text[at + 1]!)) at++;
    }
  }

  /** A value begins: in an array it is the next element. */
  function beginElement(offset: number): boolean {
    if (isArray.at(-1) !== true) return true;
    path[path.length - 1] = (path[path.length - 1] as number) + 1;
    return visit(path, offset);
  }
}

/** The offset of the quote that closes a string, or the text's end. */
function endOfString(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
