/**
 * Shapes of the ROS 2 messages that our nodes speak, with ROS's own field names.
 *
 * Numeric arrays are typed arrays; writers may also give plain ones where the type says so. 64-bit integers are bigint.
 */
export interface Time {
  sec: number;
  nanosec: number;
}

export interface Header {
  stamp: Time;
  frame_id: string;
}

export interface Image {
  header: Header;
  height: number;
  width: number;
  encoding: string;
  is_bigendian: number;
  step: number;
  data: Uint8Array;
}

export interface CompressedImage {
  header: Header;
  format: string;
  data: Uint8Array;
}

export interface RegionOfInterest {
  x_offset: number;
  y_offset: number;
  height: number;
  width: number;
  do_rectify: boolean;
}

export interface CameraInfo {
  header: Header;
  height: number;
  width: number;
  distortion_model: string;
  d: ArrayLike<number>;
  /** 3×3, 3×3 and 3×4, row-major. */
  k: ArrayLike<number>;
  r: ArrayLike<number>;
  p: ArrayLike<number>;
  binning_x: number;
  binning_y: number;
  roi: RegionOfInterest;
}

export interface JointState {
  header: Header;
  name: readonly string[];
  position: ArrayLike<number>;
  velocity: ArrayLike<number>;
  effort: ArrayLike<number>;
}

export interface Joy {
  header: Header;
  axes: ArrayLike<number>;
  buttons: ArrayLike<number>;
}

export interface Vector3 {
  x: number;
  y: number;
  z: number;
}

export interface Quaternion extends Vector3 {
  w: number;
}

export interface TwistStamped {
  header: Header;
  twist: { linear: Vector3; angular: Vector3 };
}

export interface PoseStamped {
  header: Header;
  pose: { position: Vector3; orientation: Quaternion };
}

export interface JointTrajectoryPoint {
  positions: ArrayLike<number>;
  velocities: ArrayLike<number>;
  accelerations: ArrayLike<number>;
  effort: ArrayLike<number>;
  time_from_start: Time;
}

export interface JointTrajectory {
  header: Header;
  joint_names: readonly string[];
  points: readonly JointTrajectoryPoint[];
}

export interface Path {
  header: Header;
  poses: readonly PoseStamped[];
}

/** One of the two lists is empty. `duration` is for displacements only. Units: rad/s (m/s), s. */
export interface JointJog {
  header: Header;
  joint_names: readonly string[];
  displacements: ArrayLike<number>;
  velocities: ArrayLike<number>;
  duration: number;
}

export interface MultiArrayDimension {
  label: string;
  size: number;
  stride: number;
}

export interface Float64MultiArray {
  layout: { dim: readonly MultiArrayDimension[]; data_offset: number };
  data: ArrayLike<number>;
}

export interface DiagnosticStatus {
  /** 0 ok, 1 warn, 2 error, 3 stale. */
  level: number;
  name: string;
  message: string;
  hardware_id: string;
  values: readonly { key: string; value: string }[];
}

export interface DiagnosticArray {
  header: Header;
  status: readonly DiagnosticStatus[];
}

/** latentloop_msgs/Plan: ros/latentloop_msgs/msg/Plan.msg says what each field means. */
export interface PlanMessage {
  header: Header;
  plan_id: bigint;
  start_monotonic_ns: number;
  step_period_ns: number;
  observation_stamp: Time;
  observation_arrival_monotonic_ns: number;
  model_hash: string;
  rung: number;
  value: number;
  surprise: number;
  delay_ns: number;
  compute_ns: number;
  action_dimension: number;
  actions: Float32Array;
}

/** latentloop_msgs/Tick: ros/latentloop_msgs/msg/Tick.msg says what each field means. */
export interface TickMessage {
  header: Header;
  tick: bigint;
  deadline_ns: number;
  begin_ns: number;
  command_ns: number;
  status: number;
  halt_cause: number;
  rung: number;
  limit_bits: number;
  plan_id: bigint;
  model_hash: string;
  observation_stamp: Time;
  joint_state_age_ns: number;
  plan_age_ns: number;
  requested: ArrayLike<number>;
  command: ArrayLike<number>;
  executed_action: ArrayLike<number>;
}

/** `events` of a TickInput, as bits. */
export const TICK_EVENTS = {
  jointState: 1,
  plan: 2,
  refusedPlan: 4,
  heartbeat: 8,
  estopPressed: 16,
  askedToArm: 32,
  askedToResetEstop: 64,
} as const;

/** latentloop_msgs/TickInput: ros/latentloop_msgs/msg/TickInput.msg says what each field means. */
export interface TickInputMessage {
  header: Header;
  session: bigint;
  tick: bigint;
  now_ns: number;
  command_ns: number;
  events: number;
  halt_request: number;
  joint_state_arrival_ns: number;
  position: ArrayLike<number>;
  velocity: ArrayLike<number>;
  plan_id: bigint;
  plan_arrival_ns: number;
  plan_start_ns: number;
  plan_observation_arrival_ns: number;
  checksum: number;
}

/** latentloop_msgs/SessionStart: ros/latentloop_msgs/msg/SessionStart.msg says what each field means. */
export interface SessionStart {
  header: Header;
  session: bigint;
  part: string;
  machine: string;
  setup: string;
}

/** `kind` of a PolicyEvent. */
export const POLICY_EVENT = { continue: 0, believe: 1, plan: 2, reflect: 3 } as const;

/** latentloop_msgs/PolicyEvent: ros/latentloop_msgs/msg/PolicyEvent.msg says what each field means. */
export interface PolicyEvent {
  header: Header;
  session: bigint;
  number: number;
  kind: number;
  cameras: readonly string[];
  image_stamps: readonly Time[];
  image_checksums: ArrayLike<number>;
  proprioception: ArrayLike<number>;
  capture_ns: number;
  arrival_ns: number;
  clock_ns: ArrayLike<number>;
  mean_actions: ArrayLike<number>;
  graph_runs: ArrayLike<number>;
  checksum: number;
  latent_checksum: number;
  plan: readonly PlanMessage[];
}

/** `kind` of an EpisodeEvent. */
export const EPISODE_KIND = { begin: 0, step: 1, end: 2, discard: 3 } as const;

/** latentloop_msgs/EpisodeEvent: ros/latentloop_msgs/msg/EpisodeEvent.msg says what each field means. */
export interface EpisodeEvent {
  header: Header;
  kind: number;
  episode: number;
  step: number;
  reward: number;
  is_terminal: boolean;
  success: boolean;
  intervention: boolean;
  note: string;
}

/** latentloop_msgs/TrainingProgress: ros/latentloop_msgs/msg/TrainingProgress.msg says what each field means. */
export interface TrainingProgress {
  header: Header;
  state: string;
  reason: string;
  live: string;
  run: number;
  progress: number;
  updates: number;
  updates_per_second: number;
  figure_names: string[];
  figures: ArrayLike<number>;
  episodes: number;
  episodes_fresh: number;
  episodes_held_out: number;
  data_age: number;
  proposed: number;
  refused: number;
  kept: number;
  rolled_back: number;
  candidate: string;
  fate: string;
  curve_updates: ArrayLike<number>;
  curve: ArrayLike<number>;
}

/** Every message type that latentloop speaks, by its ROS name. */
export interface RosMessages {
  "builtin_interfaces/msg/Time": Time;
  "control_msgs/msg/JointJog": JointJog;
  "diagnostic_msgs/msg/DiagnosticArray": DiagnosticArray;
  "geometry_msgs/msg/PoseStamped": PoseStamped;
  "geometry_msgs/msg/TwistStamped": TwistStamped;
  "latentloop_msgs/msg/EpisodeEvent": EpisodeEvent;
  "latentloop_msgs/msg/Plan": PlanMessage;
  "latentloop_msgs/msg/PolicyEvent": PolicyEvent;
  "latentloop_msgs/msg/SessionStart": SessionStart;
  "latentloop_msgs/msg/Tick": TickMessage;
  "latentloop_msgs/msg/TickInput": TickInputMessage;
  "latentloop_msgs/msg/TrainingProgress": TrainingProgress;
  "nav_msgs/msg/Path": Path;
  "sensor_msgs/msg/CameraInfo": CameraInfo;
  "sensor_msgs/msg/CompressedImage": CompressedImage;
  "sensor_msgs/msg/Image": Image;
  "sensor_msgs/msg/JointState": JointState;
  "sensor_msgs/msg/Joy": Joy;
  "std_msgs/msg/Bool": { data: boolean };
  "std_msgs/msg/Float32": { data: number };
  "std_msgs/msg/Float64MultiArray": Float64MultiArray;
  "std_msgs/msg/Header": Header;
  "std_msgs/msg/String": { data: string };
  "trajectory_msgs/msg/JointTrajectory": JointTrajectory;
}

export type RosType = keyof RosMessages;

/** The keys of `RosMessages` at run time; the compiler keeps both lists equal. */
const ROS_TYPE_SET: Readonly<Record<RosType, true>> = {
  "builtin_interfaces/msg/Time": true,
  "control_msgs/msg/JointJog": true,
  "diagnostic_msgs/msg/DiagnosticArray": true,
  "geometry_msgs/msg/PoseStamped": true,
  "geometry_msgs/msg/TwistStamped": true,
  "latentloop_msgs/msg/EpisodeEvent": true,
  "latentloop_msgs/msg/Plan": true,
  "latentloop_msgs/msg/PolicyEvent": true,
  "latentloop_msgs/msg/SessionStart": true,
  "latentloop_msgs/msg/Tick": true,
  "latentloop_msgs/msg/TickInput": true,
  "latentloop_msgs/msg/TrainingProgress": true,
  "nav_msgs/msg/Path": true,
  "sensor_msgs/msg/CameraInfo": true,
  "sensor_msgs/msg/CompressedImage": true,
  "sensor_msgs/msg/Image": true,
  "sensor_msgs/msg/JointState": true,
  "sensor_msgs/msg/Joy": true,
  "std_msgs/msg/Bool": true,
  "std_msgs/msg/Float32": true,
  "std_msgs/msg/Float64MultiArray": true,
  "std_msgs/msg/Header": true,
  "std_msgs/msg/String": true,
  "trajectory_msgs/msg/JointTrajectory": true,
};

export const ROS_TYPES = Object.keys(ROS_TYPE_SET) as RosType[];

export function isRosType(name: string): name is RosType {
  return Object.hasOwn(ROS_TYPE_SET, name);
}
