/** A copy with room for `length` elements; the new ones are `fill`. */
export function growFloats(array: Float64Array, length: number, fill = 0): Float64Array {
  const grown = new Float64Array(length);
  grown.set(array);
  if (fill !== 0) grown.fill(fill, array.length);
  return grown;
}

/** A copy with room for `length` elements; the new ones are `fill`. */
export function growInts(array: Int32Array, length: number, fill = 0): Int32Array {
  const grown = new Int32Array(length);
  grown.set(array);
  if (fill !== 0) grown.fill(fill, array.length);
  return grown;
}
