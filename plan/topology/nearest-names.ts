/** Up to three of `names`, nearest first, that a person who typed `wanted` may have meant. */
export function nearestNames(wanted: string, names: readonly string[]): string[] {
  const folded = fold(wanted).slice(0, 64);
  const scored = names.map((name) => ({ name, distance: nameDistance(folded, fold(name)) }));
  scored.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return scored.slice(0, 3).map(({ name }) => name);
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Edit distance to the name or to its beginning; letters left over count a third. */
function nameDistance(a: string, b: string): number {
  const rest = Math.max(0, b.length - a.length) / 3;
  if (a !== "" && (b.includes(a) || a.includes(b))) return Math.abs(a.length - b.length) / 3;
  return Math.min(editDistance(a, b), editDistance(a, b.slice(0, a.length)) + rest);
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
