/** sign(x) · log(1 + |x|). Source: Hafner et al. 2023, arXiv:2301.04104, eq. 9. */
export function symlog(x: number): number {
  return Math.sign(x) * Math.log1p(Math.abs(x));
}

/** sign(x) · (exp(|x|) - 1), the inverse of symlog. */
export function symexp(x: number): number {
  return Math.sign(x) * Math.expm1(Math.abs(x));
}
