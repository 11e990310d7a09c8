import type { ActionSpace } from "../../core/action.ts";
import type { SafetyOptions, Workspace } from "../../safety/index.ts";

/** What makes one control loop: plain data, so that it can be handed to the loop's thread. */
export interface ControlSetup {
  readonly safety: Omit<SafetyOptions, "workspace">;
  readonly workspace?: WorkspaceSetup;
  readonly actionSpace: ActionSpace;
  /** Longest plan that is accepted, in steps. */
  readonly maxHorizon: number;
  /** How long the difference to a new plan fades out. */
  readonly blendMs: number;
  /** SCHED_FIFO priority of the loop's thread, 0 for none. */
  readonly priority: number;
}

/** A workspace whose kinematics a module brings: its `createKinematics(options)` is called in the loop's thread. */
export interface WorkspaceSetup extends Pick<Workspace, "lower" | "upper"> {
  readonly kinematics: { readonly module: string; readonly options: unknown };
}

export interface KinematicsModule {
  createKinematics(options: unknown): Pick<Workspace, "pointCount" | "forwardKinematics">;
}

export async function loadWorkspace(setup: WorkspaceSetup): Promise<Workspace> {
  const { createKinematics } = (await import(setup.kinematics.module)) as KinematicsModule;
  return { lower: setup.lower, upper: setup.upper, ...createKinematics(setup.kinematics.options) };
}
