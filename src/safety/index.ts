export { ARM_REFUSAL_NAMES, ARM_REFUSALS, type ArmRefusal, sentenceOfRefusal } from "./arming.ts";
export { fastestStoppableSpeed } from "./braking.ts";
export { type Evidence, emptyEvidence } from "./evidence.ts";
export { SafetyGate } from "./gate.ts";
export { RESUMES_BY_ITSELF } from "./halt-policy.ts";
export { MotionLimiter } from "./motion-limiter.ts";
export { checkSafetyOptions, SAFETY_DEFAULTS, type SafetyOptions, SURPRISE_ACTIONS } from "./options.ts";
export type { Workspace } from "./workspace-guard.ts";
