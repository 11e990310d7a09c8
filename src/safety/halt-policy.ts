import type { HaltCause } from "../core/status.ts";
import type { SurpriseAction } from "./options.ts";

/**
 * Whether the loop goes on by itself (with a soft start) once the cause is gone, or waits until somebody arms it again.
 * Only a lack of good plans heals by itself: everything else says that the robot or its surroundings need a look.
 */
export const RESUMES_BY_ITSELF: Readonly<Record<HaltCause, boolean>> = {
  none: true,
  "plan-stale": true,
  "plan-invalid": true,
  "observation-stale": true,
  "joint-state-stale": false,
  "joint-state-invalid": false,
  "tracking-error": false,
  "clock-jump": false,
  deadman: false,
  estop: false,
  surprise: false,
  "internal-error": false,
  operator: false,
  shutdown: false,
};

/** The same under a surprise action: only `hold` goes on by itself when the surprise is over. */
export function resumesByItself(cause: HaltCause, surpriseAction: SurpriseAction | undefined): boolean {
  return cause === "surprise" ? surpriseAction === "hold" : RESUMES_BY_ITSELF[cause];
}
