import { z } from "zod";
import { actionDimension } from "../../config/manifest.ts";
import { SAFETY_DEFAULTS, SURPRISE_ACTIONS } from "../../safety/index.ts";
import type { ControlSetup } from "../control/control-setup.ts";

/** Limits may be infinite. */
const real = z.custom<number>((value) => typeof value === "number", "Expected a number");
const point = z.tuple([real, real, real]);
const safetyNumbers = Object.keys(SAFETY_DEFAULTS) as (keyof typeof SAFETY_DEFAULTS)[];

/** The setup as a session's log holds it: its form; `checkSafetyOptions` checks the values. */
export const controlSetupSchema: z.ZodType<ControlSetup> = z.strictObject({
  safety: z.strictObject({
    robot: z.strictObject({
      name: z.string(),
      commandInterface: z.enum(["position", "velocity"]),
      joints: z.array(
        z.strictObject({
          name: z.string(),
          limits: z.strictObject({ lower: real, upper: real, velocity: real, acceleration: real }),
        }),
      ),
    }),
    commandRateHz: real,
    surpriseAction: z.enum(SURPRISE_ACTIONS).exactOptional(),
    ...(Object.fromEntries(safetyNumbers.map((name) => [name, real])) as Record<
      (typeof safetyNumbers)[number],
      typeof real
    >),
  }),
  workspace: z
    .strictObject({
      lower: point,
      upper: point,
      kinematics: z.strictObject({ module: z.string(), options: z.unknown() }),
    })
    .exactOptional(),
  actionSpace: z.strictObject({ dimensions: z.array(actionDimension) }),
  maxHorizon: z.int().positive(),
  blendMs: real,
  priority: z.int(),
});
