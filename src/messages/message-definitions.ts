import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@foxglove/rosmsg";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { RosType } from "./ros-messages.ts";

/** Our own definitions, ROS's as @foxglove/rosmsg-msgs-common ships them, and what it lacks. */
const OWN_PACKAGE = "latentloop_msgs";
const ownFolder = fileURLToPath(new URL("../../../ros/latentloop_msgs/msg/", import.meta.url)); // seen from dist/src/messages
const rosFolder = join(
  dirname(createRequire(import.meta.url).resolve("@foxglove/rosmsg-msgs-common/package.json")),
  "msgdefs/ros2humble",
);

const FURTHER: Readonly<Record<string, string>> = {
  "control_msgs/JointJog": `std_msgs/Header header
string[] joint_names
float64[] displacements
float64[] velocities
float64 duration`,
};

/** One field of a message definition, as @foxglove/rosmsg parses it. */
export type MessageDefinition = ReturnType<typeof parse>[number];
export type MessageField = MessageDefinition["definitions"][number];

const PRIMITIVES = new Set(
  "bool byte char int8 uint8 int16 uint16 int32 uint32 int64 uint64 float32 float64 string wstring time duration".split(
    " ",
  ),
);
const SEPARATOR = "=".repeat(80);

/** "sensor_msgs/msg/Image" → "sensor_msgs/Image", the form inside definitions. */
function resourceName(type: string): string {
  return type.replace("/msg/", "/");
}

/** The text of one .msg file, without the definitions that some distributions append to it. */
function definitionText(name: string): string {
  const further = FURTHER[name];
  if (further !== undefined) return further;
  const [packageName = "", messageName = ""] = name.split("/");
  const file =
    packageName === OWN_PACKAGE
      ? join(ownFolder, `${messageName}.msg`)
      : join(rosFolder, packageName, "msg", `${messageName}.msg`);
  try {
    return readFileSync(file, "utf8").split(SEPARATOR)[0]!.trimEnd();
  } catch (cause) {
    throw new LatentloopError("ERR_MESSAGE_TYPE", `Expected a definition of ${name}: ${messageOf(cause)}.`, { cause });
  }
}

/** Names of the message types that a definition's fields have, in order. */
function dependencies(name: string, text: string): string[] {
  const packageName = name.split("/")[0]!;
  return text.split("\n").flatMap((line) => {
    const type = /^\s*([A-Za-z][\w/]*)/.exec(line)?.[1];
    if (type === undefined || PRIMITIVES.has(type)) return [];
    return [type.includes("/") ? resourceName(type) : `${packageName}/${type}`];
  });
}

function schemaTextOf(type: RosType): string {
  const texts = new Map<string, string>();
  const collect = (name: string): void => {
    if (texts.has(name)) return;
    const text = definitionText(name);
    texts.set(name, text);
    for (const dependency of dependencies(name, text)) collect(dependency);
  };
  collect(resourceName(type));
  const [[, root] = ["", ""], ...rest] = texts;
  return [root, ...rest.map(([name, text]) => `${SEPARATOR}\nMSG: ${name}\n${text}`)].join("\n");
}

const schemaTexts = new Map<RosType, string>();

/** The definition with all it depends on, as MCAP's "ros2msg" schema encoding asks. */
export function messageSchema(type: RosType): string {
  let text = schemaTexts.get(type);
  if (text === undefined) schemaTexts.set(type, (text = schemaTextOf(type)));
  return text;
}

/** The parsed definitions, the message itself first. */
export function messageDefinitions(type: RosType): MessageDefinition[] {
  return parse(messageSchema(type), { ros2: true });
}
