/** ROS 2's managed lifecycle: states and transitions with the numbers and labels of lifecycle_msgs. */
export const STATES = {
  unknown: 0,
  unconfigured: 1,
  inactive: 2,
  active: 3,
  finalized: 4,
  configuring: 10,
  cleaningup: 11,
  shuttingdown: 12,
  activating: 13,
  deactivating: 14,
  errorprocessing: 15,
} as const;
export type StateName = keyof typeof STATES;

export interface Transition {
  readonly id: number;
  readonly label: string;
  readonly from: StateName;
  readonly to: StateName;
}

/** What may be asked for from outside: each leads to a state in which the node's hook runs. */
export const REQUESTS: readonly Transition[] = [
  { id: 1, label: "configure", from: "unconfigured", to: "configuring" },
  { id: 2, label: "cleanup", from: "inactive", to: "cleaningup" },
  { id: 3, label: "activate", from: "inactive", to: "activating" },
  { id: 4, label: "deactivate", from: "active", to: "deactivating" },
  { id: 5, label: "shutdown", from: "unconfigured", to: "shuttingdown" },
  { id: 6, label: "shutdown", from: "inactive", to: "shuttingdown" },
  { id: 7, label: "shutdown", from: "active", to: "shuttingdown" },
];

/** How a hook's state is left. Our hooks succeed or throw, so there are no "failure" transitions back. */
export const OUTCOMES: readonly Transition[] = [
  { id: 10, label: "transition_success", from: "configuring", to: "inactive" },
  { id: 12, label: "transition_error", from: "configuring", to: "errorprocessing" },
  { id: 20, label: "transition_success", from: "cleaningup", to: "unconfigured" },
  { id: 22, label: "transition_error", from: "cleaningup", to: "errorprocessing" },
  { id: 30, label: "transition_success", from: "activating", to: "active" },
  { id: 32, label: "transition_error", from: "activating", to: "errorprocessing" },
  { id: 40, label: "transition_success", from: "deactivating", to: "inactive" },
  { id: 42, label: "transition_error", from: "deactivating", to: "errorprocessing" },
  { id: 50, label: "transition_success", from: "shuttingdown", to: "finalized" },
  { id: 52, label: "transition_error", from: "shuttingdown", to: "errorprocessing" },
  { id: 60, label: "transition_success", from: "errorprocessing", to: "unconfigured" },
  { id: 62, label: "transition_error", from: "errorprocessing", to: "finalized" },
];

export const TRANSITIONS: readonly Transition[] = [...REQUESTS, ...OUTCOMES];

/** The request that a caller means, by label or, without one, by number; undefined where the state does not have it. */
export function findRequest(state: StateName, wanted: { readonly id?: number; readonly label?: string }) {
  return REQUESTS.find(
    ({ from, id, label }) => from === state && (wanted.label ? label === wanted.label : id === wanted.id),
  );
}
