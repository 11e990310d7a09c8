import type { Failure, LogRecord } from "../host/host-protocol.ts";
import type { Outcome, Submission } from "./campaign.ts";
import type { CampaignStatus } from "./progress-report.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";

/** What the trainer's node tells its training thread. */
export type ToTraining =
  | { readonly op: "rest"; readonly rest: boolean }
  | { readonly op: "train-now" }
  | { readonly op: "judged"; readonly outcome: Outcome }
  | { readonly op: "not-judged"; readonly failure: Failure }
  | { readonly op: "stop" };

/** What the training thread tells its node. */
export type FromTraining =
  | { readonly op: "status"; readonly status: CampaignStatus }
  | { readonly op: "submit"; readonly submission: Submission }
  | ({ readonly op: "log" } & Pick<LogRecord, "level" | "message" | "values">)
  | { readonly op: "failed"; readonly failure: Failure };

/** What the judging thread is started with; it answers once and ends. */
export interface JudgingData {
  readonly parameters: TrainerParameters;
  readonly submission: Submission;
}

export type FromJudging =
  | { readonly op: "judged"; readonly outcome: Outcome }
  | { readonly op: "not-judged"; readonly failure: Failure };
