import type { Arrival } from "./torus-path.ts";

/** How much Torus keeps in its heap; fewer bytes cost overlap or another turn. */
export interface TorusStorage {
  /** Places for KV tiles pulled from other machines. */
  readonly pullPlaces: number;
  /** Banks of `R−1` places for the blocks of a turn. */
  readonly banks: number;
  /** Blocks stay until every Q tile has attended; otherwise KV makes another turn for each Q tile that comes later. */
  readonly holds: boolean;
}

/** For KV tiles 0…N−1: the step (position in the path plus 1; 0 for tile 0) at which each arrives and is last attended. */
export interface Lifetimes {
  readonly arrives: readonly number[];
  readonly lastUse: readonly number[];
}

/** A tile that came before the last Q tile is attended until that one has come. */
export function tileLifetimes(arrivals: readonly Arrival[]): Lifetimes {
  const lastQuery = arrivals.reduce((last, arrival, i) => (arrival.tensor === "Q" ? i + 1 : last), 0);
  const arrives = [0];
  arrivals.forEach((arrival, i) => {
    if (arrival.tensor === "KV") arrives.push(i + 1);
  });
  return { arrives, lastUse: arrives.map((step) => Math.max(step, lastQuery)) };
}

/** The place of each tile from `first` on: the one that is free longest; null when the places do not suffice. */
export function assignPlaces(lifetimes: Lifetimes, first: number, numPlaces: number): number[] | null {
  const freeAfter = new Array<number>(numPlaces).fill(-1);
  const places: number[] = new Array(first).fill(0);
  for (let tile = first; tile < lifetimes.arrives.length; tile++) {
    const place = freeAfter.indexOf(Math.min(...freeAfter));
    if (place === -1 || freeAfter[place]! >= lifetimes.arrives[tile]!) return null;
    freeAfter[place] = lifetimes.lastUse[tile]!;
    places.push(place);
  }
  return places;
}

/** The least number of places that suffices from tile `first` on. */
function leastPlaces(lifetimes: Lifetimes, first: number): number {
  const numTiles = lifetimes.arrives.length - first;
  for (let places = Math.min(1, numTiles); places < numTiles; places++)
    if (assignPlaces(lifetimes, first, places)) return places;
  return numTiles;
}

/**
 * What to try, largest first: one place more than the least, so that the next tile arrives while one is attended;
 * then the least; then no holding, where tiles that a later Q tile needs make another turn.
 */
export function storageOptions(arrivals: readonly Arrival[]): TorusStorage[] {
  const lifetimes = tileLifetimes(arrivals);
  const numTiles = lifetimes.arrives.length;
  const pull = leastPlaces(lifetimes, 1);
  const banks = leastPlaces(lifetimes, 0);
  const options = [
    { pullPlaces: Math.min(pull + 1, numTiles - 1), banks: Math.min(banks + 1, numTiles), holds: true },
    { pullPlaces: Math.min(pull + 1, numTiles - 1), banks, holds: true },
    { pullPlaces: pull, banks, holds: true },
    { pullPlaces: pull, banks: 1, holds: false },
  ];
  return options.filter(
    (option, i) => options.findIndex((other) => JSON.stringify(other) === JSON.stringify(option)) === i,
  );
}
