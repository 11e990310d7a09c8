import { readText } from "../../config/read-config.ts";
import { chainFromUrdf } from "../../config/urdf-chain.ts";
import { LatentloopError } from "../../core/errors.ts";
import { type NodeContext, type Qos, SENSOR_QOS } from "../../core/node.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { RosMessages } from "../../messages/index.ts";
import type { DeviceEvents, HumanDevice } from "./human-device.ts";
import { JoyDevice } from "./joy-device.ts";
import { JoystickFile } from "./joystick-file.ts";
import { KeyboardDevice } from "./keyboard-device.ts";
import { LeaderDevice } from "./leader-device.ts";
import { defaultMapping, type Mapping, readMapping } from "./mapping.ts";
import { MotionRequest } from "./motion-request.ts";
import type { DeviceKind, TeleopParameters } from "./teleop-parameters.ts";
import { TwistDevice } from "./twist-device.ts";

const DEVICE_OF_KIND: Readonly<Record<DeviceKind, Mapping["device"]>> = {
  keyboard: "keyboard",
  gamepad: "joy",
  joy: "joy",
  leader: "leader",
  twist: "twist",
};
/** Fast enough that a press is not felt to be late. */
const POLL_PERIOD_MS = 4;
/** joy_node repeats an unchanged state at 20 Hz. */
const JOY_SILENT_MS = 300;
const JOY_QOS: Qos = { ...SENSOR_QOS, depth: 1 };

/**
 * The device that the parameters name, listening.
 * @throws ERR_INPUT_DEVICE if the mapping is of another device or moves what the robot does not have, and those of `readConfig`
 */
export async function openDevice(
  context: NodeContext<RosMessages>,
  robot: RobotModel,
  { device: { kind, mapping: file, path }, kinematics }: Pick<TeleopParameters, "device" | "kinematics">,
  events: DeviceEvents,
): Promise<HumanDevice> {
  const wanted = DEVICE_OF_KIND[kind];
  const source = file ?? defaultMapping(wanted, kinematics !== undefined);
  const mapping = await readMapping(source);
  if (mapping.device !== wanted) {
    throw new LatentloopError(
      "ERR_INPUT_DEVICE",
      `Expected a mapping for a ${wanted} but ${source} is one for a ${mapping.device}.`,
    );
  }
  const names = robot.joints.map(({ name }) => name);
  const chain = kinematics && chainFromUrdf(await readText(kinematics.urdf), kinematics.tip, names);
  const requestFor = (targets: readonly string[], speeds = { linear: 0, angular: 0, joint: 0 }) =>
    new MotionRequest({
      robot,
      chain,
      speeds,
      frame: "frame" in mapping ? mapping.frame : "base",
      targets,
      isDefault: file === undefined && wanted !== "twist",
    });
  switch (mapping.device) {
    case "keyboard": {
      const targets = Object.values(mapping.keys).flatMap((moves) => Object.keys(moves));
      return new KeyboardDevice(mapping, requestFor(targets, mapping.speeds), events, context);
    }
    case "joy": {
      const targets = [...mapping.axes, ...mapping.buttons].map(({ moves }) => moves);
      const device = new JoyDevice(mapping, requestFor(targets, mapping.speeds), events);
      return kind === "gamepad" ? pollGamepad(context, device, path) : listenToJoy(context, device);
    }
    case "leader": {
      const device = new LeaderDevice(mapping, robot, events);
      context.subscribe(
        "leader/joint_states",
        "sensor_msgs/msg/JointState",
        (message, { receivedNs }) => device.update(message, receivedNs),
        JOY_QOS,
      );
      return device;
    }
    case "twist": {
      const device = new TwistDevice(requestFor(mapping.axes), events);
      context.subscribe(
        "twist",
        "geometry_msgs/msg/TwistStamped",
        (message, { receivedNs }) => device.update(message, receivedNs),
        JOY_QOS,
      );
      return device;
    }
  }
}

function pollGamepad(context: NodeContext<RosMessages>, device: JoyDevice, path: string): HumanDevice {
  const file = new JoystickFile(path);
  context.every(POLL_PERIOD_MS, () => {
    const reading = file.poll();
    if (reading.kind === "changed") device.update(reading.axes, reading.buttons, context.clock.monotonicNs());
    else if (reading.kind === "lost") device.lose(reading.why);
  });
  return device;
}

function listenToJoy(context: NodeContext<RosMessages>, device: JoyDevice): HumanDevice {
  const { clock } = context;
  let heardNs = Number.NEGATIVE_INFINITY;
  context.subscribe(
    "joy",
    "sensor_msgs/msg/Joy",
    ({ axes, buttons }, { receivedNs }) => {
      heardNs = receivedNs;
      device.update(axes, buttons, receivedNs);
    },
    JOY_QOS,
  );
  context.every(JOY_SILENT_MS / 3, () => {
    if (clock.monotonicNs() - heardNs > JOY_SILENT_MS * 1e6) {
      device.lose(
        `no message on 'joy' for ${JOY_SILENT_MS} ms: is the joy node running, with autorepeat_rate above 5?`,
      );
    }
  });
  return device;
}
