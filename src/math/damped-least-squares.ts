/**
 * Joint velocities that bring about a velocity of the end of a chain as well as the joints can.
 *
 * q̇ = Jᵀ (J Jᵀ + λ² I)⁻¹ v: near a singular pose the motion gets slower instead of the joints faster, |q̇| ≤ |v| / 2λ.
 *
 * Source: Nakamura and Hanafusa 1986; Wampler 1986. Differs: λ is constant.
 * Shapes: jacobian [R, J] row-major, wanted [R], out [J]. Timing: `solveInto` allocates nothing.
 */
export class DampedLeastSquares {
  readonly #rows: number;
  readonly #columns: number;
  readonly #damping: number;
  /** Lower triangle of J Jᵀ + λ² I, then of its Cholesky factor. */
  readonly #factor: Float64Array;
  readonly #solution: Float64Array;

  constructor(rows: number, columns: number, damping: number) {
    this.#rows = rows;
    this.#columns = columns;
    this.#damping = damping;
    this.#factor = new Float64Array(rows * rows);
    this.#solution = new Float64Array(rows);
  }

  solveInto(jacobian: Float64Array, wanted: ArrayLike<number>, out: Float64Array): void {
    this.#factorize(jacobian);
    this.#substitute(wanted);
    const [rows, columns] = [this.#rows, this.#columns];
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let i = 0; i < rows; i++) sum += jacobian[i * columns + j]! * this.#solution[i]!;
      out[j] = sum;
    }
  }

  #factorize(jacobian: Float64Array): void {
    const [rows, columns] = [this.#rows, this.#columns];
    const factor = this.#factor;
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k <= i; k++) {
        let sum = i === k ? this.#damping * this.#damping : 0;
        for (let j = 0; j < columns; j++) sum += jacobian[i * columns + j]! * jacobian[k * columns + j]!;
        for (let j = 0; j < k; j++) sum -= factor[i * rows + j]! * factor[k * rows + j]!;
        factor[i * rows + k] = i === k ? Math.sqrt(sum) : sum / factor[k * rows + k]!;
      }
    }
  }

  #substitute(wanted: ArrayLike<number>): void {
    const rows = this.#rows;
    const factor = this.#factor;
    const solution = this.#solution;
    for (let i = 0; i < rows; i++) {
      let sum = wanted[i]!;
      for (let k = 0; k < i; k++) sum -= factor[i * rows + k]! * solution[k]!;
      solution[i] = sum / factor[i * rows + i]!;
    }
    for (let i = rows - 1; i >= 0; i--) {
      let sum = solution[i]!;
      for (let k = i + 1; k < rows; k++) sum -= factor[k * rows + i]! * solution[k]!;
      solution[i] = sum / factor[i * rows + i]!;
    }
  }
}
