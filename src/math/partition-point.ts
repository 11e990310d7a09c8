/**
 * How many of the indices below `count` come first, where all that do lie before all that do not: a binary search.
 *
 * @param comesFirst true up to some index, false from there on
 */
export function partitionPoint(count: number, comesFirst: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesFirst(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
