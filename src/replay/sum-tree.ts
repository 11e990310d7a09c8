/** Numbers of which one is drawn with a probability in proportion to it, in logarithmic time. */
export class SumTree {
  #capacity = 1;
  /** Node k has the children 2k and 2k + 1; the leaves begin at `#capacity`. */
  #sums = new Float64Array(2);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get total(): number {
    return this.#sums[1]!;
  }

  push(weight: number): void {
    if (this.#length === this.#capacity) this.#grow();
    this.set(this.#length++, weight);
  }

  get(index: number): number {
    return this.#sums[this.#capacity + index]!;
  }

  set(index: number, weight: number): void {
    let node = this.#capacity + index;
    this.#sums[node] = weight;
    for (node >>= 1; node >= 1; node >>= 1) this.#sums[node] = this.#sums[2 * node]! + this.#sums[2 * node + 1]!;
  }

  /** The index at which the running sum passes `share` of the total; share in [0, 1). */
  find(share: number): number {
    let rest = share * this.total;
    let node = 1;
    while (node < this.#capacity) {
      node *= 2;
      // The right half may be empty at the end of rounding: stay left then.
      if (rest >= this.#sums[node]! && this.#sums[node + 1]! > 0) rest -= this.#sums[node++]!;
    }
    return node - this.#capacity;
  }

  #grow(): void {
    const leaves = this.#sums.subarray(this.#capacity);
    const capacity = 2 * this.#capacity;
    const sums = new Float64Array(2 * capacity);
    sums.set(leaves, capacity);
    for (let node = capacity - 1; node >= 1; node--) sums[node] = sums[2 * node]! + sums[2 * node + 1]!;
    this.#capacity = capacity;
    this.#sums = sums;
  }
}
