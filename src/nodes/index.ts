import { REAL_TIME_NODE_OPTIONS } from "./control/real-time-heap.ts";
import { type NodeKind, nodeFactory } from "./node-kind.ts";

/** Node kinds of launch descriptions. A launch file may also name a module of its own: `kind: ./my-node.js`. */
export const NODE_KINDS: Readonly<Record<string, NodeKind>> = {
  "camera-ingest": {
    about: "camera images → the images that a model was trained on",
    role: "intake",
    async load() {
      const { cameraIngestParameters, createCameraIngest } = await import("./camera-ingest.ts");
      return nodeFactory(cameraIngestParameters, createCameraIngest);
    },
  },
  "world-model": {
    about: "observations → a latent belief → plans at the policy rate",
    role: "model",
    async load() {
      const { createWorldModel, worldModelParameters } = await import("./world-model/world-model-node.ts");
      return nodeFactory(worldModelParameters, createWorldModel);
    },
  },
  control: {
    about: "plans → safe commands at the command rate, from a thread that keeps time",
    role: "control",
    nodeOptions: REAL_TIME_NODE_OPTIONS,
    async load() {
      const { controlParameters } = await import("./control/control-parameters.ts");
      const { createControl } = await import("./control/control-node.ts");
      return nodeFactory(controlParameters, createControl);
    },
  },
  "simulated-robot": {
    about: "a simulated task as a robot with cameras, in real time",
    role: "robot",
    async load() {
      const { createSimulatedRobot, simulatedRobotParameters } = await import("./simulated-robot.ts");
      return nodeFactory(simulatedRobotParameters, createSimulatedRobot);
    },
  },
  "robot-output": {
    about: "safe commands → the robot's controllers: joint groups, trajectories, MoveIt Servo, grippers",
    role: "robot",
    async load() {
      const { createRobotOutput, robotOutputParameters } = await import("./robot-output.ts");
      return nodeFactory(robotOutputParameters, createRobotOutput);
    },
  },
  teleop: {
    about: "keyboard, gamepad, leader arm or twists → plans, beside a policy or instead of one",
    role: "model",
    async load() {
      const { teleopParameters } = await import("./teleop/teleop-parameters.ts");
      const { createTeleop } = await import("./teleop/teleop-node.ts");
      return nodeFactory(teleopParameters, createTeleop);
    },
  },
  "random-policy": {
    about: "random motions of the joints as plans, for data that explores",
    role: "model",
    async load() {
      const { createRandomPolicy, randomPolicyParameters } = await import("./random-policy.ts");
      return nodeFactory(randomPolicyParameters, createRandomPolicy);
    },
  },
  episodes: {
    about: "begin, success, failure and redo of episodes, numbered through a session",
    role: "view",
    async load() {
      const { createEpisodes, episodesParameters } = await import("./episodes.ts");
      return nodeFactory(episodesParameters, createEpisodes);
    },
  },
  recorder: {
    about: "topics → a bag: MCAP with the ros2 profile, which ros2 bag and Foxglove open",
    role: "replay",
    async load() {
      const { createRecorder, recorderParameters } = await import("./recorder.ts");
      return nodeFactory(recorderParameters, createRecorder);
    },
  },
  trainer: {
    about: "recordings → candidates for the live model's place, at low priority in a process of its own",
    role: "view",
    alone: true,
    async load() {
      const { trainerParameters } = await import("./trainer/trainer-parameters.ts");
      const { createTrainer } = await import("./trainer/trainer-node.ts");
      return nodeFactory(trainerParameters, createTrainer);
    },
  },
};
