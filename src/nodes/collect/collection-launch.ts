import { join } from "node:path";
import type { z } from "zod";
import { root } from "../../config/package-root.ts";
import { LatentloopError } from "../../core/errors.ts";
import { launchSchema } from "../host/launch-description.ts";
import type { DeviceKind } from "../teleop/teleop-parameters.ts";

export type LaunchDescription = z.output<typeof launchSchema>;
type NodeDescription = LaunchDescription["nodes"][number];

export interface CollectionNodes {
  /** The session: bags go below it, numbers of episodes come from it. */
  readonly folder: string;
  /** What is to be done, in words. */
  readonly task: string;
  readonly episodeSeconds: number;
  readonly device: { readonly kind: DeviceKind; readonly mapping?: string; readonly path?: string };
  /** Whether a policy sends plans that the human may take over from. */
  readonly hasPolicy: boolean;
  readonly kinematics?: { readonly urdf: string; readonly tip: string };
  readonly release: "hold" | "hand-back";
  readonly customData: Readonly<Record<string, string>>;
  readonly minFreeMegabytes: number;
}

/** Names of the nodes that a collection talks to. */
export interface CollectionNames {
  readonly control: string;
  readonly teleop: string;
  readonly episodes: string;
  readonly recorder: string;
}

const [TELEOP, EPISODES, RECORDER] = ["teleop", "episodes", "recorder"] as const;
const SCORES = "task_episode";
const ADDED_TOPICS = [
  { name: "episode", type: "latentloop_msgs/msg/EpisodeEvent" },
  { name: `${TELEOP}/plan`, type: "latentloop_msgs/msg/Plan", depth: 500 },
  { name: `${TELEOP}/state`, type: "std_msgs/msg/String", latched: true },
];
const LOOP_TOPICS = [
  { name: "joint_states", type: "sensor_msgs/msg/JointState" },
  { name: "commands", type: "std_msgs/msg/Float64MultiArray" },
  { name: "control/tick", type: "latentloop_msgs/msg/Tick", depth: 500 },
  { name: "control/tick_input", type: "latentloop_msgs/msg/TickInput", depth: 500 },
  { name: "control/session", type: "latentloop_msgs/msg/SessionStart", latched: true },
  { name: "/diagnostics", type: "diagnostic_msgs/msg/DiagnosticArray" },
];
/** What a session of a model is run again from. */
const MODEL_TOPICS = [
  { name: "world_model/policy_event", type: "latentloop_msgs/msg/PolicyEvent", depth: 500 },
  { name: "world_model/session", type: "latentloop_msgs/msg/SessionStart", latched: true },
];

/**
 * A launch description with what collecting needs: a teleop node before the control node, a node for the episodes, and a
 * recorder that writes into the session. What the description has already stays as it is.
 * @throws ERR_NODE_KIND if there is no control node, or no recorder
 */
export function withCollection(
  description: LaunchDescription,
  options: CollectionNodes,
): { readonly description: LaunchDescription; readonly names: CollectionNames } {
  const nodeOf = (kind: string) => description.nodes.find((node) => node.kind === kind);
  const control = nodeOf("control") ?? missing(description, "control");
  const recorder = nodeOf("recorder") ?? missing(description, "recorder");
  const ownTeleop = nodeOf("teleop");
  const ownEpisodes = nodeOf("episodes");
  const teleop = ownTeleop ?? teleopNode(control, options);
  const robot = nodeOf("simulated-robot");
  const episodes = ownEpisodes ?? episodesNode(robot?.name ?? "", options);
  const adapted = description.nodes.map((node) => {
    if (node === control && ownTeleop === undefined) {
      return { ...node, remap: { plan: `${teleop.name}/plan`, ...node.remap } };
    }
    if (node === recorder) return recorderNode(node, options);
    if (node === robot && ownEpisodes === undefined) {
      const seconds = { episodeSeconds: options.episodeSeconds };
      return { ...node, parameters: { ...node.parameters, ...seconds }, remap: { episode: SCORES, ...node.remap } };
    }
    return node;
  });
  const added = [...(ownTeleop ? [] : [teleop]), ...(ownEpisodes ? [] : [episodes])];
  return {
    description: { ...description, nodes: [...adapted, ...added] },
    names: { control: control.name, teleop: teleop.name, episodes: episodes.name, recorder: recorder.name },
  };
}

/** Who sends plans in a collection. */
export type LaunchPolicy =
  | { readonly kind: "random" }
  | { readonly kind: "teleop" }
  | { readonly kind: "model"; readonly folder: string };

const MODEL_KINDS = ["world-model", "camera-ingest"];

/**
 * A launch description whose plans come from this policy: a bundle in the place of its own, random motions, or nobody.
 * @throws ERR_NODE_KIND if there is no control node, or no world-model node for a bundle
 */
export function withPolicy(description: LaunchDescription, policy: LaunchPolicy): LaunchDescription {
  const control = description.nodes.find(({ kind }) => kind === "control") ?? missing(description, "control");
  if (policy.kind === "model") {
    if (!description.nodes.some(({ kind }) => kind === "world-model")) missing(description, "world-model");
    const { folder: model } = policy;
    const nodes = description.nodes.map((node) =>
      "model" in node.parameters ? { ...node, parameters: { ...node.parameters, model } } : node,
    );
    return { ...description, nodes };
  }
  const nodes = description.nodes.filter(({ kind }) => !MODEL_KINDS.includes(kind));
  if (policy.kind === "teleop") return { ...description, nodes };
  const { model: _, ...parameters } = control.parameters;
  const withoutModel = nodes.map((node) => (node === control ? { ...node, parameters } : node));
  const random = plainNode("random_policy", "random-policy", { robot: parameters.robot });
  return { ...description, nodes: [...withoutModel, random] };
}

export interface SimulatedLoopOptions {
  readonly task: string;
  /** Name of the task's robot: its file in calibration/robots. */
  readonly robot: string;
  readonly cameras: readonly string[];
  readonly imageSize: number;
  readonly imageRateHz: number;
  readonly seed: number;
  /** Folder of a bundle whose policy acts, and the cameras that it sees. */
  readonly model?: { readonly folder: string; readonly cameras: readonly string[] };
  readonly random: boolean;
}

/** The nodes of a simulated task in real time, without what `withCollection` adds. */
export function simulatedLoop(options: SimulatedLoopOptions): LaunchDescription {
  const { task, cameras, imageSize, imageRateHz, seed, model } = options;
  const robot = join(root, "calibration", "robots", `${options.robot}.yaml`);
  const bundle = model && { model: model.folder };
  const images = cameras.flatMap((name) => [
    { name: `${name}/image_raw`, type: "sensor_msgs/msg/Image" },
    { name: `${name}/camera_info`, type: "sensor_msgs/msg/CameraInfo" },
  ]);
  const plans = model || options.random ? [{ name: "plan", type: "latentloop_msgs/msg/Plan", depth: 500 }] : [];
  const modelled = (model?.cameras ?? []).map((name) => ({
    name: `${name}/image_model`,
    type: "sensor_msgs/msg/Image",
  }));
  return launchSchema.parse({
    name: `${task} in real time`,
    nodes: [
      plainNode("robot", "simulated-robot", { task, cameras, imageSize, imageRateHz, seed }),
      ...(model?.cameras ?? []).map((camera) =>
        plainNode(`${camera}_ingest`, "camera-ingest", { model: model!.folder, camera }),
      ),
      ...(model ? [plainNode("world_model", "world-model", { model: model.folder, robot })] : []),
      ...(options.random ? [plainNode("random_policy", "random-policy", { robot, seed })] : []),
      plainNode("control", "control", { robot, ...bundle }),
      plainNode(RECORDER, "recorder", {
        topics: [...images, ...modelled, ...LOOP_TOPICS, ...plans, ...(model ? MODEL_TOPICS : [])],
      }),
    ],
  });
}

/** Where a simulated robot's kinematics are described, and the link that a human moves. */
export const SIMULATED_TOOLS: Readonly<Record<string, { readonly urdf: string; readonly tip: string }>> = {
  "table-arm": { urdf: join(root, "calibration/robots/table-arm.urdf"), tip: "grip" },
  "planar-reacher": { urdf: join(root, "calibration/robots/planar-reacher.urdf"), tip: "finger" },
};

function plainNode(name: string, kind: string, parameters: Record<string, unknown>): NodeDescription {
  return { name, kind, process: "main", parameters, remap: {}, onFailure: "stop" };
}

function teleopNode(control: NodeDescription, options: CollectionNodes): NodeDescription {
  const { device, hasPolicy, kinematics, release } = options;
  const { robot, model } = control.parameters;
  return plainNode(TELEOP, "teleop", {
    robot,
    device,
    policy: hasPolicy,
    release,
    ...(model !== undefined && { model }),
    ...(kinematics && { kinematics }),
  });
}

function episodesNode(taskNode: string, { folder, task, episodeSeconds }: CollectionNodes): NodeDescription {
  return plainNode(EPISODES, "episodes", { folder, task, episodeSeconds, taskNode });
}

function recorderNode(node: NodeDescription, options: CollectionNodes): NodeDescription {
  const { folder, customData, minFreeMegabytes } = options;
  const given = (node.parameters.topics ?? []) as readonly { readonly name: string }[];
  const added = ADDED_TOPICS.filter(({ name }) => !given.some((topic) => topic.name === name));
  const own = node.parameters.customData as Record<string, string> | undefined;
  const parameters = { folder, minFreeMegabytes, topics: [...given, ...added], customData: { ...own, ...customData } };
  return { ...node, parameters: { ...node.parameters, prefix: "collect", ...parameters } };
}

function missing({ name }: LaunchDescription, kind: string): never {
  throw new LatentloopError(
    "ERR_NODE_KIND",
    `Expected a ${kind} node in the launch description '${name}' to collect with.`,
  );
}
