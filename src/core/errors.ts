/** Every code a user can meet, with the rule behind it. Codes are stable: scripts and documents may rely on them. */
export const ERROR_CODES = {
  ERR_SHAPE_MISMATCH: "two shapes that must agree do not",
  ERR_DTYPE_MISMATCH: "a tensor has another element type than its place asks for",
  ERR_INVALID_ARGUMENT: "a value is outside what the function accepts",
  ERR_UNKNOWN_PROPRIOCEPTION: "a model asks for a joint, quantity or action that the robot does not have",
  ERR_CHECKPOINT_UNREADABLE: "a checkpoint file is missing, damaged, cut off or of another format",
  ERR_CHECKPOINT_MISMATCH: "a checkpoint holds other tensors than the model has",
  ERR_CHECKPOINT_WRITE: "a checkpoint could not be written; the last good one is untouched",
  ERR_FILE_UNREADABLE: "a file is missing or may not be read",
  ERR_SYNTAX: "a file is not well-formed YAML or JSON",
  ERR_UNKNOWN_KEY: "a file holds a key that its schema does not know",
  ERR_MISSING_KEY: "a file lacks a key that has no default",
  ERR_INVALID_VALUE: "a value in a file has another type or lies outside its range",
  ERR_MESSAGE_TOO_LARGE: "a message is longer than the queue of its topic was made for",
  ERR_MESSAGE_MALFORMED: "bytes are no CDR message of the type that their topic has",
  ERR_MESSAGE_TYPE: "a message type is unknown, or a topic is used with two types",
  ERR_JOINT_MISSING: "a joint state lacks a joint that the robot has",
  ERR_FRAME_VERSION: "a frame from another process has a version that this one does not speak",
  ERR_FRAME_MALFORMED: "a frame from another process has another shape than its version says",
  ERR_KEYS: "a host's keys are missing, readable by others, or would be overwritten",
  ERR_ENDPOINT: "a process cannot be bound to, or joined at, the endpoint that was given",
  ERR_PLAIN_TCP: "another host would be joined over tcp without encryption",
  ERR_SERVICE_UNAVAILABLE: "a service gave no answer in time, or nobody serves it",
  ERR_NODE_KIND: "a launch description names a node kind that does not exist",
  ERR_NODE_FAILED: "a node's lifecycle hook threw, or its thread or process ended by itself",
  ERR_RECORDING: "a recording could not be begun, or ended early",
  ERR_BAG_UNREADABLE: "a bag is missing, or is no MCAP file of ROS 2 messages",
  ERR_BAG_DAMAGED: "a bag was cut or changed, so that a part of it does not read",
  ERR_BAG_EXISTS: "a file that would be written is there already",
  ERR_NOT_WRITABLE: "a folder cannot be written: no right, a read-only disk, or no room",
  ERR_BAG_TOPIC: "a bag lacks a topic, or has it with another type than is needed",
  ERR_EPISODE_GAP: "an episode has no joint state, or no action, shortly before one of its steps",
  ERR_SESSION_LOG: "a recording does not hold all that a control session was computed from",
  ERR_SESSION_MODEL: "a model that a control session ran is not in the given folders, or cannot be repeated",
  ERR_REPLAY_EMPTY: "a replay holds no episode, or none long enough to sample from",
  ERR_REPLAY_UNSCORED: "a replay's episodes have no rewards that could be learned from: nobody scored their steps",
  ERR_EPISODE: "an episode cannot be begun, ended or discarded now",
  ERR_EPISODE_NUMBER: "two finished episodes of a session have the same number",
  ERR_SESSION_BUSY: "another process records into this session",
  ERR_UNKNOWN_POLICY: "no policy of this name collects episodes here",
  ERR_INPUT_DEVICE: "an input device is unknown, missing, or stopped answering",
  ERR_PLAYBACK: "a topic of a bag may not be played back as asked",
  ERR_DATASET_UNREADABLE: "a data set is missing, incomplete or of another format",
  ERR_DATASET_MISMATCH: "a converted data set does not hold what its source holds",
  ERR_FFMPEG: "ffmpeg is missing or failed",
  ERR_IMAGE_ENCODING: "an image has another encoding than its camera was set up for",
  ERR_IMAGE_SIZE: "an image has another size than its camera was set up for",
  ERR_IMAGE_TRUNCATED: "an image holds fewer bytes than its rows need",
  ERR_IMAGE_UNREADABLE: "a compressed image does not decode",
  ERR_IMAGE_STALE: "no image of a camera is as new as was asked for",
  ERR_CALIBRATION_SIZE: "a calibration was made at another image size than the camera sends",
  ERR_CALIBRATION_MISSING: "a camera is to be undistorted but is not calibrated",
  ERR_CAMERA_SOURCE: "a camera source does not exist, or cannot be opened as configured",
  ERR_UNKNOWN_PARAMETER: "a network asks for a parameter that was not given",
  ERR_NOT_DIFFERENTIABLE: "a loss depends on something that no gradient can pass",
  ERR_UNKNOWN_CAMERA: "a camera is not one of those that the model sees",
  ERR_CALIBRATION_CHANGED: "a camera's calibration is not the one that the model was trained with",
  ERR_SIM_TASK: "no simulated task, camera or material has this name",
  ERR_SIM_MODEL: "a simulated world does not compile, or lacks a part that its task names",
  ERR_PHYSICS_UNSTABLE: "the simulated physics diverged",
  ERR_BATCH_SOURCE: "the thread that prepares training batches failed",
  ERR_TRAINING_DIVERGED: "the loss stopped being a usable number",
  ERR_PROVIDER_UNAVAILABLE: "this machine cannot run a model on the chosen execution provider",
  ERR_REPLAY_MISMATCH: "recordings are of another task, another robot, other cameras or another rate than the model's",
  ERR_NOT_TRAINABLE: "a bundle or its learning system does not offer what was asked of its training",
  ERR_BUNDLE_WRITE: "a bundle could not be written; nothing of it is left",
  ERR_TRAINER: "the trainer's state cannot be read, or its thread ended by itself",
  ERR_LEDGER: "the ledger of a models folder could not be read or written",
  ERR_MODEL_REFUSED: "a candidate model failed a gate",
  ERR_NO_LIVE_MODEL: "a models folder has no live model",
  ERR_NO_PREVIOUS_MODEL: "there is no earlier model to go back to",
  ERR_BUNDLE_EXISTS: "a bundle would take the place of one that is there",
  ERR_EXPORT_MISMATCH: "an exported graph computes other values than the graph it was trained with",
  ERR_ACTION_MISMATCH: "a model's actions do not fit the robot's joints",
  ERR_CONTROL_LOOP: "the thread of the control loop did not start, met an error, or ended by itself",
  ERR_BUNDLE_HASH: "a file of a bundle is not the one that its manifest describes",
  ERR_GRAPH_OUTPUT: "a graph's output is not finite or outside its range",
  ERR_GRAPH_RANDOM: "a graph draws random numbers of its own, so that its results cannot be repeated",
  ERR_GRAPH_UNREADABLE: "onnxruntime cannot make a session of an ONNX file",
  ERR_GRAPH_MISMATCH: "an ONNX file has other inputs or outputs than its manifest says",
  ERR_INFERENCE_FAILED: "a graph failed while it ran",
  ERR_INFERENCE_BUSY: "a graph was called again before its last call ended",
  ERR_INFERENCE_CLOSED: "a graph was called after its bundle or engine was closed",
  ERR_INFERENCE_LOST: "the inference thread ended unasked",
  ERR_ROS_NOT_SOURCED: "ROS 2 is asked for, but its environment is not set",
  ERR_ROS_DISTRIBUTION: "the sourced ROS 2 is of a distribution that the binding does not support",
  ERR_ROS_BINDING: "the binding to ROS 2 is not installed, not built, or does not load",
  ERR_ROS_MESSAGE_PACKAGE: "a ROS 2 message package is not built or not sourced",
  ERR_LIFECYCLE: "a lifecycle transition was asked for that the node's state does not have",
  ERR_BENCH: "a process that takes part in a measurement ended early",
  ERR_STORE_FULL: "more episodes were collected than room was made for",
  ERR_UNKNOWN_ALGORITHM: "no learning system has this name",
  ERR_UNKNOWN_SIZE: "a learning system has no size preset of this name",
  ERR_CURVE_UNREADABLE: "the curve of a training run is damaged",
  ERR_TRAINING_STOPPED: "a training run was stopped before its end",
  ERR_UNKNOWN_RECIPE: "a learning system has no recipe for the task",
  ERR_DEMO_STUCK: "the demo's loop cannot be armed, or one of its services refuses",
  ERR_INTERRUPTED: "the work was stopped before it was done",
  ERR_INTERNAL: "a rule that our own code guarantees was broken: please report it",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * The one error class. The message is one sentence that holds the offending value and what was expected;
 * `remedy` says what the user can do about it.
 */
export class LatentloopError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "LatentloopError";
    this.code = code;
    this.remedy = options.remedy;
  }
}

/** The sentence of any thrown value, for wrapping it as a `cause`. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
