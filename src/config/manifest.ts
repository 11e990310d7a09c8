import { z } from "zod";
import type { ActionSpace } from "../core/action.ts";
import type { ProprioceptionFeature } from "../core/proprioception.ts";
import type { TensorSpec } from "../core/tensor.ts";
import { checkGraphContract, GRAPH_NAMES } from "./graph-contract.ts";

/** Version of the manifest's own shape; a reader refuses any other. */
export const MANIFEST_VERSION = 1;

const name = z.string().regex(/^[a-z][a-z0-9_]*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const camera = z.strictObject({
  name: name.describe("Name of the camera; its input is `image_<name>`."),
  width: z.int().positive().meta({ description: "Width of the image that the model sees.", unit: "px" }),
  height: z.int().positive().meta({ description: "Height of the image that the model sees.", unit: "px" }),
  colorOrder: z.enum(["rgb", "bgr"]).describe("Order of the colours that the model was trained with."),
  crop: z
    .strictObject({ x: z.int().min(0), y: z.int().min(0), width: z.int().positive(), height: z.int().positive() })
    .nullable()
    .describe("Part of the undistorted camera image that is resized, in its pixels; null takes all of it."),
  calibrationSha256: sha256.nullable().describe("Hash of the calibration file it was trained with; null without one."),
});

const proprioception: z.ZodType<ProprioceptionFeature> = z.strictObject({
  name: z.string().min(1).describe("`<joint>.position|velocity|cos|sin` or `<action dimension>.last`."),
  offset: z.number().describe("The model sees (value − offset) / scale."),
  scale: z.number().positive().describe("The model sees (value − offset) / scale."),
});

export const actionDimension: z.ZodType<ActionSpace["dimensions"][number]> = z
  .strictObject({
    name: z.string().min(1).describe("Name of the joint or axis that the dimension drives."),
    unit: z.enum(["rad/s", "m/s", "rad", "m", "N", "N·m", "1"]).describe("Unit of `low` and `high`."),
    low: z.number().describe("Value of the action −1."),
    high: z.number().describe("Value of the action +1."),
  })
  .refine(({ low, high }) => low < high, { path: ["high"], message: "Expected a number above 'low'" });

const tensor: z.ZodType<TensorSpec> = z.strictObject({
  name: z.string().min(1).describe("Name in the ONNX file."),
  shape: z.array(z.int().positive()).describe("Extents; every one is fixed."),
  dtype: z.enum(["float32", "uint8", "int32", "int64", "bool"]).describe("Element type."),
});

const graph = z.strictObject({
  file: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]*\.onnx$/)
    .describe("File in the bundle's folder."),
  sha256: sha256.describe("Hash of the file's bytes."),
  inputs: z
    .array(tensor)
    .min(1)
    .refine(...uniqueNames()),
  outputs: z
    .array(tensor)
    .min(1)
    .refine(...uniqueNames()),
});

const trainingData = z.strictObject({
  source: z.string().min(1).describe("Path, address or description of the recordings."),
  sha256: sha256.nullable().describe("Hash of the source where it is one file; null elsewhere."),
  episodes: z.int().min(0),
  steps: z.int().min(0).describe("Policy steps."),
});

const evaluation = z.strictObject({
  task: z.string().min(1),
  metric: z.string().min(1).describe("What was measured, e.g. `success_rate`, `return`."),
  value: z.number(),
  episodes: z.int().positive(),
});

/** `manifest.json` of a bundle: everything that is needed to know whether a model fits a robot, and where it came from. */
export const manifestSchema = z
  .strictObject({
    formatVersion: z.literal(MANIFEST_VERSION).describe("Version of this file's shape."),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/)
      .describe("Name of the bundle."),
    algorithm: z.strictObject({
      name: z.string().min(1).describe("Learning system, e.g. `td-mpc2`."),
      hyperparameters: z.record(z.string(), z.json()).describe("Every value it was trained with."),
    }),
    observation: z.strictObject({
      cameras: z.array(camera).refine(...uniqueNames()),
      proprioception: z.array(proprioception).refine(...uniqueNames()),
    }),
    action: z.strictObject({
      dimensions: z
        .array(actionDimension)
        .min(1)
        .refine(...uniqueNames()),
    }),
    policyRateHz: z.number().positive().meta({ description: "Rate that the model steps at.", unit: "Hz" }),
    latentSize: z.int().positive().describe("Length of the flattened latent: the letter L of the contract."),
    surpriseLimit: z
      .number()
      .positive()
      .nullable()
      .describe("Surprise beyond which the world no longer behaves as the model expects; null when not calibrated."),
    surpriseWarn: z
      .number()
      .positive()
      .optional()
      .describe("Surprise above which the robot slows down; by default a share of `surpriseLimit`."),
    scene: z
      .strictObject({
        reference: z.number().positive().describe("Error of a decoded image, from 0 to 1, that does not count."),
        warn: z.number().positive().describe("Sum of what exceeds it above which the scene is another one."),
      })
      .optional()
      .describe("When the images are no longer those of the scene that the model knows: needs the graph `decode`."),
    graphs: z.strictObject({
      encode: graph,
      observe: graph,
      plan: graph.optional(),
      plan_short: graph.optional(),
      act: graph.optional(),
      imagine: graph.optional(),
      decode: graph.optional(),
    }),
    training: z.strictObject({
      data: z.array(trainingData).min(1),
      command: z.string().min(1).describe("The exact command that made the bundle."),
      seed: z.int(),
      parent: z
        .strictObject({ name: z.string().describe("Its name."), hash: z.string().describe("Its model hash.") })
        .optional()
        .describe("The bundle that it was fine-tuned from."),
    }),
    evaluation: z.array(evaluation).describe("Scores, measured with the graphs of this bundle."),
    licence: z.string().min(1).describe("SPDX identifier."),
  })
  .superRefine((manifest, context) => {
    const { observation, action } = manifest;
    if (observation.cameras.length + observation.proprioception.length === 0) {
      context.addIssue({
        code: "custom",
        path: ["observation"],
        message: "Expected at least one camera or proprioception name",
      });
    }
    const { surpriseWarn, surpriseLimit } = manifest;
    if (surpriseWarn !== undefined && !(surpriseWarn < (surpriseLimit ?? Number.POSITIVE_INFINITY))) {
      context.addIssue({ code: "custom", path: ["surpriseWarn"], message: "Expected less than `surpriseLimit`" });
    }
    const breaches = checkGraphContract(manifest.graphs, {
      cameras: observation.cameras,
      proprioception: observation.proprioception.length,
      action: action.dimensions.length,
      latent: manifest.latentSize,
    });
    for (const { path, expected } of breaches) {
      context.addIssue({ code: "custom", path: ["graphs", ...path], message: `Expected ${expected}` });
    }
  });

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestGraph = Manifest["graphs"]["encode"];

/** The graphs that a bundle has, in the contract's order. */
export function graphsOf({ graphs }: Manifest): (ManifestGraph & { readonly name: (typeof GRAPH_NAMES)[number] })[] {
  return GRAPH_NAMES.flatMap((graphName) => {
    const found = graphs[graphName];
    return found ? [{ name: graphName, ...found }] : [];
  });
}

function uniqueNames(): [(items: readonly { readonly name: string }[]) => boolean, string] {
  return [(items) => new Set(items.map((item) => item.name)).size === items.length, "Expected every name only once"];
}
