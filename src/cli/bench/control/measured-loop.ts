import type { ActionSpace } from "../../../core/action.ts";
import { systemClock } from "../../../core/clock.ts";
import type { Plan } from "../../../core/plan.ts";
import type { RobotModel } from "../../../core/robot.ts";
import { CONTROL_STATUS } from "../../../core/status.ts";
import { ControlHost } from "../../../nodes/control/control-host.ts";
import type { CollectionReport } from "../../../nodes/control/control-thread.ts";
import type { LoopReport } from "../../../nodes/control/loop-statistics.ts";
import type { RealTimeGrant } from "../../../nodes/control/real-time.ts";
import { SAFETY_DEFAULTS } from "../../../safety/index.ts";

export interface MeasuredLoop {
  readonly grant: RealTimeGrant;
  readonly loop: LoopReport;
  readonly collections: CollectionReport | undefined;
  /** Share of the ticks in which the robot followed a plan: below 1 the feeding thread was starved. */
  readonly following: number;
}

const JOINTS = ["base", "shoulder", "elbow", "wrist_1", "wrist_2", "wrist_3"];
const ROBOT: RobotModel = {
  name: "bench",
  commandInterface: "position",
  joints: JOINTS.map((name) => ({ name, limits: { lower: -3, upper: 3, velocity: 2, acceleration: 5 } })),
};
const ACTIONS: ActionSpace = { dimensions: JOINTS.map((name) => ({ name, unit: "rad/s", low: -1, high: 1 })) };
const POLICY_PERIOD_MS = 100;
const HORIZON = 8;
/** The feeder shares the busy cores without priority: its delays are not what is measured here. */
const PATIENT_MS = 10e3;
const FOLLOWING = Object.keys(CONTROL_STATUS).indexOf("tracking");

/** Our loop as it controls a robot: six joints, the whole gate, a new plan each 100 ms, a record of every tick. */
export async function measureControlLoop(rateHz: number, priority: number, seconds: number): Promise<MeasuredLoop> {
  const clock = systemClock();
  const velocities = new Float64Array(JOINTS.length);
  const positions = new Float64Array(JOINTS.length);
  let ticks = 0;
  let following = 0;
  const host = new ControlHost({
    setup: {
      safety: {
        ...SAFETY_DEFAULTS,
        robot: ROBOT,
        commandRateHz: rateHz,
        maxJointStateAgeMs: PATIENT_MS,
        maxObservationAgeMs: PATIENT_MS,
        maxPlanAgeMs: PATIENT_MS,
        latePlanMs: PATIENT_MS,
        maxHeartbeatAgeMs: PATIENT_MS,
        maxTickGapMs: PATIENT_MS,
        maxLead: 10,
        maxTrackingError: 10,
      },
      actionSpace: ACTIONS,
      maxHorizon: HORIZON,
      blendMs: 50,
      priority,
    },
    clock,
    onTick: (record) => {
      ticks++;
      if (record.get("status") === FOLLOWING) following++;
      if (record.get("hasCommand") === 1) positions.set(record.command);
      host.beat();
      host.writeJointState({ positions, velocities, stampNs: 0n, arrivalNs: clock.monotonicNs() });
    },
    onError: raise,
    onFailure: raise,
  });
  const grant = await host.start();
  let plans = 0;
  const planner = setInterval(() => {
    const nowNs = clock.monotonicNs();
    host.writePlan(wavingPlan(++plans, nowNs), nowNs);
  }, POLICY_PERIOD_MS);
  const arming = setInterval(async () => {
    if (following === 0) await host.arm();
  }, 200);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1e3));
  clearInterval(planner);
  clearInterval(arming);
  return { grant, ...(await host.stop()), following: following / Math.max(1, ticks) };
}

function raise(error: Error): never {
  throw error;
}

/** Long enough to outlast a starved feeder. */
function wavingPlan(id: number, nowNs: number): Plan {
  const actions = Float32Array.from({ length: HORIZON * JOINTS.length }, (_, i) => Math.sin(id / 5 + i));
  return {
    id,
    actions,
    horizon: HORIZON,
    actionDimension: JOINTS.length,
    startNs: nowNs,
    stepPeriodNs: 1e9,
    observationStampNs: 0n,
    observationArrivalNs: nowNs,
    modelHash: "",
    rung: "mpc",
    value: 0,
    surprise: 0,
    delayNs: 0,
    computeNs: 0,
  };
}
