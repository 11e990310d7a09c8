import { cameraInfoSchema } from "../cameras/camera-info.ts";
import { manifestSchema } from "../config/manifest.ts";
import { type ReferenceSection, renderReference } from "../config/markdown-reference.ts";
import { robotSchema } from "../config/robot-file.ts";
import { launchSchema } from "../nodes/host/launch-description.ts";
import { NODE_KINDS } from "../nodes/index.ts";
import { mappingSchema } from "../nodes/teleop/mapping.ts";

const INTRODUCTION =
  "Made from the schemas by `npm run docs`: do not edit. Files are YAML (a bundle's manifest is JSON). A key that is not listed is an error that names the nearest one that is. Groups are joined by dots, `[]` stands for each item of a list and `<name>` for a name of your choice. What is required in an optional group is required where the group is given.";

/** The text of docs/configuration.md: every file and every kind of node that has parameters. */
export async function configurationReference(): Promise<string> {
  const nodes = Object.entries(NODE_KINDS).map(async ([kind, { about, load }]): Promise<ReferenceSection[]> => {
    const { parameters } = await load();
    const introduction = `${sentence(about)} Under \`parameters\` of the node.`;
    return parameters ? [{ title: `Node: ${kind}`, introduction, schema: parameters }] : [];
  });
  return renderReference("Configuration", INTRODUCTION, [
    {
      title: "Launch file",
      introduction:
        "`launch/*.yaml`, for `latentloop up <file>`: which nodes run together. `keys` and a `kind` that is a module start at the launch file; paths in `parameters` (`model`, `robot`, `folder`, `replay`, …) start at the working directory, whatever folder the launch file lies in, and so does the socket of an `ipc://` endpoint.",
      schema: launchSchema,
    },
    ...(await Promise.all(nodes)).flat(),
    {
      title: "Robot",
      introduction:
        "`calibration/robots/<id>.yaml`: the joints of one robot, in the order of its controller, with their limits.",
      schema: robotSchema,
    },
    {
      title: "Teleoperation mapping",
      introduction:
        "`launch/teleop/*.yaml`, or your own file: what a device moves. A gamepad's has `device: joy`, whether it is read directly or from a topic.",
      schema: mappingSchema,
    },
    {
      title: "Camera calibration",
      introduction:
        "The file that a ROS camera driver takes as its `camera_info_url`, as `camera_calibration` writes it. The nodes get it from the driver, on `<camera>/camera_info`.",
      schema: cameraInfoSchema,
    },
    {
      title: "Bundle manifest",
      introduction:
        "`models/<name>/manifest.json`. Every graph has the rows of `graphs.encode`; which graphs a bundle needs and their tensors are in [models.md](models.md).",
      schema: manifestSchema,
      leaveOut: /^graphs\.(?!encode\.)/,
    },
  ]);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
