import { z } from "zod";
import { readRobot } from "../../config/robot-file.ts";
import { messageOf } from "../../core/errors.ts";
import { LATCHED_QOS, type LifecycleNode, type NodeContext } from "../../core/node.ts";
import { RUNGS } from "../../core/plan.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../core/status.ts";
import { surpriseWarnOf } from "../../core/surprise.ts";
import { inferenceParameters } from "../../inference/placement.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";
import { wallClock } from "../../learning/models/propose.ts";
import { EPISODE_KIND, type RosMessages } from "../../messages/index.ts";
import { ImaginationView, imaginationParameters } from "../imagination/imagination-view.ts";
import { SESSION_LOG_QOS, SESSION_QOS } from "../session/session-start.ts";
import { ActingModel, type ModelLog } from "./acting-model.ts";
import { HotSwap } from "./hot-swap.ts";
import { PolicyLoop } from "./policy-loop.ts";
import { NODE } from "./swap-ledger.ts";
import { swapParameters } from "./swap-parameters.ts";

export const worldModelParameters = z.strictObject({
  model: z.string().meta({ description: "Folder of the bundle.", readOnly: true }),
  robot: z.string().meta({ description: "File of the robot: its joints and limits.", readOnly: true }),
  seed: z.int().default(0).meta({ description: "Seed of the planner's noise.", readOnly: true }),
  budgetShare: z
    .number()
    .gt(0)
    .max(1)
    .default(0.8)
    .describe("Share of the policy period that a step may take before it plans less."),
  pairingToleranceMs: z
    .number()
    .positive()
    .default(25)
    .meta({ description: "Longest time between the images and the joint state of one observation.", unit: "ms" }),
  commandRateHz: z
    .number()
    .positive()
    .default(100)
    .meta({ description: "Rate of the control node's commands.", unit: "Hz" }),
  watchScene: z.boolean().default(false).meta({
    description:
      "Whether images that the model cannot make sense of, as after a camera was moved, add to its surprise; where the bundle's `scene` is calibrated.",
    readOnly: true,
  }),
  frozenMotion: z.number().positive().default(0.05).meta({
    description: "Motion of a joint after which a picture that is still the same to the byte counts as frozen.",
    unit: "rad",
    readOnly: true,
  }),
  inference: inferenceParameters.prefault({}),
  swap: swapParameters.prefault({}),
  imagination: imaginationParameters.prefault({}),
});
export type WorldModelParameters = z.output<typeof worldModelParameters>;

/** How often a swap is looked after, and the ledger when candidates are adopted by themselves. */
const SWAP_PERIOD_MS = 100;
const ADOPT_PERIOD_MS = 1000;
const TELEOP = RUNGS.indexOf("teleop");
const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
const CAUSES = Object.keys(HALT_CAUSES) as HaltCause[];

/**
 * Turns observations into a belief and plans from it at the policy rate.
 *
 * Subscribes `<camera>/image_model`, `joint_states` and `control/tick` (what was executed); publishes `plan`, and
 * `~/surprise` to be plotted. What each model does and from what is on `~/session` and `~/policy_event`.
 * What the plan would bring is shown on `~/imagined/image` and `~/imagined/path` while somebody looks.
 * With a models folder it swaps models while it runs: serves `~/promote` and `~/rollback`, publishes `~/model_state`
 * (latched: state, hash of the live model, name of the candidate), and listens to `episode` for rewards.
 */
export function createWorldModel(context: NodeContext<RosMessages>, parameters: WorldModelParameters): LifecycleNode {
  let live: ActingModel | undefined;
  let loop: PolicyLoop | undefined;
  let swap: HotSwap | undefined;
  let view: ImaginationView | undefined;
  return {
    async configure() {
      const { clock, log } = context;
      const modelLog = openModelLog(context);
      const robot = await readRobot(parameters.robot);
      await goBackIfUnwatched(context, parameters.swap.models);
      live = await ActingModel.load(parameters.model, { clock, ...parameters, log: modelLog });
      for (const warning of live.bundle.warnings) log.info(warning);
      for (const { graph, placement } of live.bundle.reports) log.info(`graph ${graph} runs on ${placement.provider}`);
      const { beliefObservations } = parameters.swap;
      loop = new PolicyLoop(context, live, { ...parameters, robot, beliefObservations });
      view = new ImaginationView(context, loop, robot, parameters.imagination, parameters.inference);
      if (parameters.swap.models !== "") swap = openSwap(context, parameters, loop, modelLog);
    },
    async activate() {
      loop?.setActive(true);
    },
    async deactivate() {
      loop?.setActive(false);
    },
    async cleanup() {
      loop?.setActive(false);
      await view?.close();
      await swap?.close();
      await (loop?.live ?? live)?.close();
      live = loop = swap = view = undefined;
    },
  };
}

/** A candidate whose watch was cut off when the node ended, by a crash or in order, does not act again. */
async function goBackIfUnwatched({ clock, log }: NodeContext<RosMessages>, models: string): Promise<void> {
  if (models === "") return;
  try {
    const to = await new ModelsFolder(models).rollBackUnwatched(NODE, wallClock(clock));
    if (to) log.warn(`${to.name} acts again: the watch of the model after it was cut off.`);
  } catch (thrown) {
    log.error(messageOf(thrown));
  }
}

/** Where all models of the node log what they do and from what, whether they act or run as the shadow. */
function openModelLog(context: NodeContext<RosMessages>): ModelLog {
  const starts = context.publisher("~/session", "latentloop_msgs/msg/SessionStart", SESSION_QOS);
  const events = context.publisher("~/policy_event", "latentloop_msgs/msg/PolicyEvent", SESSION_LOG_QOS);
  return { onStart: (start) => starts.publish(start), onEvent: (event) => events.publish(event) };
}

function openSwap(
  context: NodeContext<RosMessages>,
  parameters: WorldModelParameters,
  loop: PolicyLoop,
  modelLog: ModelLog,
): HotSwap {
  const { clock, log } = context;
  const { manifest, reports } = loop.live.bundle;
  const placements = Object.fromEntries(reports.map(({ graph, placement }) => [graph, placement]));
  const state = context.publisher("~/model_state", "std_msgs/msg/String", LATCHED_QOS);
  const swap = new HotSwap({
    loop,
    models: new ModelsFolder(parameters.swap.models),
    parameters: parameters.swap,
    clock,
    log,
    surpriseWarn: surpriseWarnOf(manifest),
    commandRateHz: parameters.commandRateHz,
    load: (folder) => ActingModel.load(folder, { clock, ...parameters, surprise: manifest, placements, log: modelLog }),
    onState: (name, live, other) => state.publish({ data: [name, live, other ?? ""].join(" ").trimEnd() }),
  });
  context.subscribe("control/tick", "latentloop_msgs/msg/Tick", ({ status, rung, limit_bits, halt_cause }) => {
    if (rung === TELEOP) return; // a human's plan says nothing of the model
    swap.figures.onTick(STATUSES[status] ?? "disarmed", limit_bits, CAUSES[halt_cause] ?? "none");
  });
  context.subscribe("episode", "latentloop_msgs/msg/EpisodeEvent", ({ kind, reward }) => {
    if (kind !== EPISODE_KIND.begin) swap.figures.onReward(reward);
  });
  context.serve("~/promote", () => swap.promote());
  context.serve("~/rollback", () => swap.rollBack());
  context.every(SWAP_PERIOD_MS, () => swap.tick());
  if (parameters.swap.automatic) context.every(ADOPT_PERIOD_MS, () => void swap.adopt());
  state.publish({ data: `steady ${loop.live.bundle.modelHash}` });
  return swap;
}
