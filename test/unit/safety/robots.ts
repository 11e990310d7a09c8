import type { CommandInterface, RobotModel } from "../../../src/core/robot.ts";
import { type Evidence, emptyEvidence, SAFETY_DEFAULTS, type SafetyOptions } from "../../../src/safety/index.ts";

/** Two unequal joints; small enough that a test reaches every limit within a second. */
export function twoJoints(commandInterface: CommandInterface): RobotModel {
  return {
    name: "two-joints",
    commandInterface,
    joints: [
      { name: "shoulder", limits: { lower: -1, upper: 1.5, velocity: 2, acceleration: 5 } },
      { name: "elbow", limits: { lower: -0.5, upper: 0.5, velocity: 1, acceleration: 20 } },
    ],
  };
}

export function optionsFor(robot: RobotModel, changes: Partial<SafetyOptions> = {}): SafetyOptions {
  return { ...SAFETY_DEFAULTS, robot, commandRateHz: 100, ...changes };
}

export const PERIOD_NS = 10e6;

/** Evidence in which everything is fresh and well at `nowNs`, with the joints at the given positions at rest. */
export function wellAt(nowNs: number, positions: readonly number[]): Evidence {
  return {
    ...emptyEvidence(positions.length),
    nowNs,
    positions: Float64Array.from(positions),
    velocities: new Float64Array(positions.length),
    jointStateArrivalNs: nowNs,
    planArrivalNs: nowNs,
    planEndNs: nowNs + 1e9,
    observationArrivalNs: nowNs,
    heartbeatNs: nowNs,
  };
}
