import { z } from "zod";

export const TdMpc2Config = z.strictObject({
  encoderUnits: z.int().positive().describe("width of the encoder's hidden layers"),
  encoderLayers: z.int().positive().describe("layers of the encoder, the one that makes the latent included"),
  units: z.int().positive().describe("width of dynamics, reward, value and policy"),
  latent: z.int().positive().describe("numbers in the latent"),
  simplex: z.int().positive().describe("latent numbers that share one softmax"),
  heads: z.int().min(2).describe("members of the value ensemble"),
  dropout: z.number().min(0).lt(1).describe("share of the value heads' first hidden units that an update silences"),
  bins: z.int().min(2).describe("bins that rewards and values are regressed on"),
  binLimit: z.number().positive().describe("outermost bins, on the symlog scale"),
  imageEncoder: z.enum(["convolution", "keypoints"]).describe("what makes a vector of an image"),
  channels: z.int().positive().describe("filters of the image encoder's convolutions; of keypoints, of the first one"),
  keypoints: z.int().positive().describe("points that the keypoint image encoder finds"),
  frames: z.int().positive().describe("last observations that the latent is made of"),
  tasks: z
    .strictObject({
      actionSizes: z.array(z.int().positive()).min(1).describe("action dimensions in use, task by task"),
      embedding: z.int().positive().describe("learned numbers that tell the networks which task it is"),
    })
    .optional()
    .describe("for one model of several tasks; without it there is one task and no embedding"),
});
export type TdMpc2Config = z.infer<typeof TdMpc2Config>;

const COMMON = {
  encoderLayers: 2,
  simplex: 8,
  heads: 5,
  dropout: 0.01,
  bins: 101,
  binLimit: 10,
  imageEncoder: "convolution",
  channels: 32,
  keypoints: 32,
  frames: 1,
} as const;

/**
 * Networks by size: `cpu` learns a task on one core in minutes, the others are those of the paper's table of model sizes.
 *
 * Source: Hansen et al. 2023, arXiv:2310.16828, appendix H; widths as in the authors' code.
 */
export const TD_MPC2_SIZES = {
  cpu: { ...COMMON, dropout: 0, encoderUnits: 128, units: 128, latent: 64, channels: 16 },
  "1M": { ...COMMON, encoderUnits: 256, units: 384, latent: 128, heads: 2 },
  "5M": { ...COMMON, encoderUnits: 256, units: 512, latent: 512 },
  "19M": { ...COMMON, encoderUnits: 1024, units: 1024, latent: 768, encoderLayers: 3 },
} as const satisfies Readonly<Record<string, TdMpc2Config>>;

export type TdMpc2Size = keyof typeof TD_MPC2_SIZES;
