/** Ages for `safety` that a busy machine does not exceed: for tests of what follows what, not of how soon. */
export function patientSafety(ms = 120_000) {
  return { maxJointStateAgeMs: ms, maxObservationAgeMs: ms, maxHeartbeatAgeMs: ms, maxTickGapMs: ms };
}
