import type { ControlSetup } from "../../../../src/nodes/control/control-setup.ts";
import { patientSafety } from "../../../support/patient-safety.ts";
import { SETUP } from "../../../unit/nodes/control/control-rig.ts";

const PLAN_MS = 120_000;

/** For tests of order and accounts, not of time. */
export function patientSetup(): ControlSetup {
  const safety = { ...SETUP.safety, ...patientSafety(), maxPlanAgeMs: PLAN_MS, latePlanMs: PLAN_MS };
  return { ...SETUP, safety };
}
