import type { Plan } from "../../core/plan.ts";
import { planFromMessage, type SessionStart, TICK_EVENTS, type TickInputMessage } from "../../messages/index.ts";
import { checksumOfTick } from "./checksum.ts";
import { ControlReplay } from "./control-replay.ts";
import { controlSetupSchema } from "./control-setup-schema.ts";
import { type Difference, firstDifference, hex } from "./difference.ts";
import type { SessionLog } from "./session-log.ts";
import { machineName, readSetup } from "./session-start.ts";
import { PartTrial, type PartVerdict } from "./verdict.ts";

/** Everything that a tick comes out with; its header is put on afterwards. Effects stand behind their causes. */
const COMPARED = [
  "tick",
  "status",
  "halt_cause",
  "plan_id",
  "model_hash",
  "observation_stamp",
  "requested",
  "limit_bits",
  "command",
  "executed_action",
  "rung",
  "joint_state_age_ns",
  "plan_age_ns",
  "command_ns",
] as const;

/** Runs a control loop again, tick by tick, and holds every command against the recorded one. @throws those of `readSetup` and `ControlReplay.open` */
export async function verifyControl(start: SessionStart, log: SessionLog): Promise<PartVerdict> {
  const setup = readSetup(controlSetupSchema, start);
  const replay = await ControlReplay.open(setup);
  const trial = new PartTrial(start, setup.safety.robot.name, machineName());
  const joints = setup.safety.robot.joints.map(({ name }) => `joint ${name}`);
  const actions = setup.actionSpace.dimensions.map(({ name }) => name);
  const nameOf = (field: string, index: number | undefined) =>
    index === undefined ? field : `${field} of ${(field === "executed_action" ? actions : joints)[index]}`;

  const logged = log.tickInputs.get(start.session) ?? [];
  for (const [number, entry] of logged.entries()) {
    const input = entry.read();
    const recorded = log.ticks.get(input.command_ns)?.read();
    const isLast = number === logged.length - 1;
    if (Number(input.tick) !== number) trial.gap = `tick ${number} to ${input.tick - 1n} are not in the recording`;
    else if (!recorded && !isLast) trial.gap = `what tick ${number} came out with is not in the recording`;
    if (trial.gap !== undefined || !recorded) break;
    const plan = newPlan(input, log);
    if (plan === "missing") {
      trial.gap = `plan ${input.plan_id}, which tick ${number} took, is not in the recording`;
      break;
    }
    const again = replay.run(input, recorded, plan);
    const difference = firstDifference(recorded, again, COMPARED, nameOf) ?? changedInput(input);
    if (difference) {
      trial.difference = { ...difference, where: `tick ${number}`, atNs: entry.logTimeNs };
      break;
    }
    trial.same++;
  }
  return trial.verdict();
}

/** An input that is not what the tick was computed from: not every changed bit changes a command. */
function changedInput(input: TickInputMessage): Difference | undefined {
  const checksum = checksumOfTick(input);
  if (checksum === input.checksum) return undefined;
  return { what: "checksum of what the tick was computed from", recorded: hex(input.checksum), again: hex(checksum) };
}

/** The plan that had come before this tick, with the times at which it came to this host. */
function newPlan(input: TickInputMessage, { plans }: SessionLog): Plan | undefined | "missing" {
  if ((input.events & TICK_EVENTS.plan) === 0) return undefined;
  const namesakes = (plans.get(input.plan_id) ?? []).map((logged) => logged.read());
  // Numbers begin anew with every start of a world model; the times of another host's plans were carried over.
  const message =
    namesakes.find(({ start_monotonic_ns }) => start_monotonic_ns === input.plan_start_ns) ?? namesakes.at(-1);
  if (!message) return "missing";
  return {
    ...planFromMessage(message),
    startNs: input.plan_start_ns,
    observationArrivalNs: input.plan_observation_arrival_ns,
  };
}
