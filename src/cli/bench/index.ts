import type { BenchSuite } from "./suite.ts";

/** Suites of `latentloop bench`. */
export const SUITES: Readonly<Record<string, BenchSuite>> = {
  control: {
    title: "the control loop on a busy machine, beside setTimeout and Python time.sleep",
    load: async () => (await import("./control.ts")).benchControl,
  },
  image: {
    title: "camera frames to model images, beside OpenCV and sharp",
    load: async () => (await import("./image.ts")).benchImage,
  },
  train: {
    title: "training steps of four networks, beside eager PyTorch",
    load: async () => (await import("./train.ts")).benchTrain,
  },
  plan: {
    title: "whole plans as one graph, beside eager PyTorch",
    load: async () => (await import("./plan.ts")).benchPlan,
  },
  inference: {
    title: "calls through the inference thread, beside session.run in the caller's thread",
    load: async () => (await import("./inference.ts")).benchInference,
  },
  transport: {
    title: "round trips between threads and processes, beside a cloned MessagePort message",
    load: async () => (await import("./transport.ts")).benchTransport,
  },
  learn: {
    title: "learning curves of the control suite, beside published scores (hours; goes on where it was cut off)",
    load: async () => (await import("./learn.ts")).benchLearn,
  },
  sim: {
    title: "simulated steps and pictures per second, beside real time",
    load: async () => (await import("./sim.ts")).benchSim,
  },
  kill: {
    title:
      "processes of a running loop killed at random moments: the arm at rest, the records sound, all back (minutes)",
    load: async () => (await import("./kill.ts")).benchKill,
  },
  sidecar: {
    title: "the control loop without and beside a trainer, the trainer beside the loop and alone",
    load: async () => (await import("./sidecar.ts")).benchSidecar,
  },
  swap: {
    title: "100 model swaps under a moving arm while a trainer runs, beside the same loop without swaps",
    load: async () => (await import("./swap.ts")).benchSwap,
  },
  "fine-tune": {
    title: "what fine-tuning recovers in a changed world, beside the live model in both worlds (minutes)",
    load: async () => (await import("./fine-tune.ts")).benchFineTune,
  },
  "fine-tune-vae-agent": {
    title: "the same for the VAE agent",
    load: async () => (await import("./fine-tune.ts")).benchFineTuneVaeAgent,
  },
  "fine-tune-td-mpc2": {
    title: "the same for TD-MPC2",
    load: async () => (await import("./fine-tune.ts")).benchFineTuneTdMpc2,
  },
  ros: {
    title: "our nodes on a real ROS 2: cameras beside rclpy and rclcpp, the loop beside the embedded transport",
    load: async () => (await import("./ros.ts")).benchRos,
  },
  teleop: {
    title: "from a key to the robot's first command, through teleop node, control node and gate",
    load: async () => (await import("./teleop.ts")).benchTeleop,
  },
  replay: {
    title: "recording, sampling and recovery, beside a plain file and a naive reader",
    load: async () => (await import("./replay.ts")).benchReplay,
  },
};
