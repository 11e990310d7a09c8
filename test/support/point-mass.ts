import { add, concat, type Graph, matmul, mul, neg, slice, square, sum } from "../../src/graph/index.ts";
import type { PlannableModel } from "../../src/planners/index.ts";

/** A point mass that should come to rest at the origin: linear dynamics and a quadratic reward, so the best plan is known. */
export const POINT_MASS = {
  dynamics: [
    [1, 0.2],
    [0, 0.9],
  ],
  control: [0, 0.5],
  stateCost: [1, 0.2],
  controlCost: 0.1,
} as const;

/** Shapes: latent [N, 2] (position, speed), action [N, 1]; reward -(cost of the state reached) - (cost of the action). */
export function pointMassIn(graph: Graph): PlannableModel {
  const { dynamics, control, stateCost, controlCost } = POINT_MASS;
  const rows = [dynamics[0][0], dynamics[1][0], dynamics[0][1], dynamics[1][1], ...control]; // transposed, action below
  const transition = graph.constant(rows, [3, 2]);
  const weights = graph.constant(stateCost, [2]);
  return {
    latentSize: 2,
    actionSize: 1,
    noiseSizes: { next: 0, value: 0, policy: 1 },
    next: (latent, action) => matmul(concat([latent, action]), transition),
    reward: (_latent, action, next) =>
      neg(add(sum(mul(square(next), weights), 1, true), mul(square(action), controlCost))),
    policy: (latent, noise) => add(mul(slice(latent, 1, 0, 1), -0.5), mul(noise!, 0.1)),
    uncertainty: (_latent, action) => square(action),
  };
}

/** The best actions and their return over a horizon without limits, by the Riccati recursion (Bertsekas, vol. I, 3.1). */
export function bestPlan(start: readonly [number, number], horizon: number): { actions: number[]; value: number } {
  const { dynamics: A, control: B, stateCost, controlCost } = POINT_MASS;
  type Matrix = [[number, number], [number, number]];
  const gains: [number, number][] = [];
  let P: Matrix = [
    [0, 0],
    [0, 0],
  ];
  for (let t = 0; t < horizon; t++) {
    // Cost to go from the state reached: M = Q + P; then eliminate the action.
    const M: Matrix = [
      [stateCost[0] + P[0][0], P[0][1]],
      [P[1][0], stateCost[1] + P[1][1]],
    ];
    const MB = [M[0][0] * B[0] + M[0][1] * B[1], M[1][0] * B[0] + M[1][1] * B[1]] as const;
    const curvature = controlCost + B[0] * MB[0] + B[1] * MB[1];
    const gain: [number, number] = [
      -(MB[0] * A[0][0] + MB[1] * A[1][0]) / curvature,
      -(MB[0] * A[0][1] + MB[1] * A[1][1]) / curvature,
    ];
    gains.unshift(gain);
    const closed: Matrix = [
      [A[0][0] + B[0] * gain[0], A[0][1] + B[0] * gain[1]],
      [A[1][0] + B[1] * gain[0], A[1][1] + B[1] * gain[1]],
    ];
    const at = (i: 0 | 1, j: 0 | 1) => {
      let entry = controlCost * gain[i] * gain[j];
      for (const k of [0, 1] as const) for (const l of [0, 1] as const) entry += closed[k][i] * M[k][l] * closed[l][j];
      return entry;
    };
    P = [
      [at(0, 0), at(0, 1)],
      [at(1, 0), at(1, 1)],
    ];
  }
  const [p, v] = start;
  let state: [number, number] = [p, v];
  const actions = gains.map((gain) => {
    const action = gain[0] * state[0] + gain[1] * state[1];
    state = [
      A[0][0] * state[0] + A[0][1] * state[1] + B[0] * action,
      A[1][0] * state[0] + A[1][1] * state[1] + B[1] * action,
    ];
    return action;
  });
  return { actions, value: -(P[0][0] * p * p + 2 * P[0][1] * p * v + P[1][1] * v * v) };
}
