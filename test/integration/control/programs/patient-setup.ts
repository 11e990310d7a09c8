import type { ControlSetup } from "../../../../src/nodes/control/control-setup.ts";
import { SETUP } from "../../../unit/nodes/control/control-rig.ts";

const PATIENT_MS = 120e3;

/** Ages that a busy test machine does not exceed: for tests of order and accounts, not of time. */
export function patientSetup(): ControlSetup {
  return {
    ...SETUP,
    safety: {
      ...SETUP.safety,
      maxJointStateAgeMs: PATIENT_MS,
      maxObservationAgeMs: PATIENT_MS,
      maxPlanAgeMs: PATIENT_MS,
      latePlanMs: PATIENT_MS,
      maxHeartbeatAgeMs: PATIENT_MS,
      maxTickGapMs: PATIENT_MS,
    },
  };
}
