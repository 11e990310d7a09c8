import type { Learner, LearnerOptions } from "./learner.ts";
import { OfflineLearner } from "./offline/learner.ts";
import { OnlineLearner, type OnlineSystem } from "./online/learner.ts";

/**
 * A system with one update at work: on recorded episodes where there are some, else on those that it collects.
 * @throws those of `OfflineLearner.open` and `OnlineLearner.open`
 */
export function openLearner(options: LearnerOptions, system: OnlineSystem): Promise<Learner> {
  const { recorded } = options;
  return recorded ? OfflineLearner.open({ ...options, recorded }, system) : OnlineLearner.open(options, system);
}
