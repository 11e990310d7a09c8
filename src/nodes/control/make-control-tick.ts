import type { Clock } from "../../core/clock.ts";
import type { Workspace } from "../../safety/index.ts";
import { RingWriter } from "../../transport/shared-ring.ts";
import { ActionMap } from "./action-map.ts";
import type { CommandPort } from "./command-port.ts";
import type { ControlMemory } from "./control-memory.ts";
import type { ControlSetup } from "./control-setup.ts";
import { ControlTick } from "./control-tick.ts";
import { JointSlotReader } from "./joint-slot.ts";
import { OperatorWords } from "./operator-words.ts";
import { PlanFollower } from "./plan-follower.ts";
import { PlanSlotReader } from "./plan-slot.ts";

/**
 * The tick of a setup over shared memory.
 * @throws ERR_INVALID_ARGUMENT, ERR_ACTION_MISMATCH for a setup that makes none
 */
export function makeControlTick(
  setup: ControlSetup,
  memory: ControlMemory,
  clock: Clock,
  ports: { readonly commands?: CommandPort | undefined; readonly wakeReaders: () => void },
  workspace?: Workspace,
): ControlTick {
  const { safety, actionSpace, maxHorizon, blendMs } = setup;
  const actionDimension = actionSpace.dimensions.length;
  return new ControlTick({
    safety: workspace ? { ...safety, workspace } : safety,
    actionMap: new ActionMap(actionSpace, safety.robot, 1 / safety.commandRateHz),
    actionDimension,
    follower: new PlanFollower(actionDimension, maxHorizon, blendMs * 1e6),
    joints: new JointSlotReader(memory.joints),
    plans: new PlanSlotReader(memory.plans),
    operator: new OperatorWords(memory.operator),
    commands: ports.commands,
    records: new RingWriter(memory.records, { wakesReaders: false }),
    wakeReaders: ports.wakeReaders,
    nowNs: () => clock.monotonicNs(),
  });
}
