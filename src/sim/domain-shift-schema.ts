import { z } from "zod";
import type { DomainShift } from "./domain-shift.ts";

const factor = (description: string) => z.number().positive().optional().describe(description);
const vector = (description: string, unit?: string) =>
  z
    .tuple([z.number(), z.number(), z.number()])
    .optional()
    .meta({ description, ...(unit !== undefined && { unit }) });
const level = z.number().min(0).max(1);

/** A domain shift in a file: what is left out stays nominal. */
export const domainShiftSchema = z.strictObject({
  contactFriction: factor("Factor on the friction between surfaces."),
  jointFriction: factor("Factor on damping and dry friction in the joints."),
  mass: factor("Factor on the mass and inertia of every body."),
  servoGain: factor("Factor on the stiffness and damping of the servos."),
  commandGain: factor("Share of a commanded velocity or effort that is executed."),
  delaySteps: z.int().min(0).optional().describe("Control steps between a command and its effect."),
  cameraOffsetM: vector("Displacement of every camera along the axes of the body that carries it.", "m"),
  cameraRotationRad: vector("Rotation of every camera about its own right, up and backward axes.", "rad"),
  lightTilt: vector("Added to the unit direction of the light."),
  lightDiffuse: factor("Factor on the brightness of the light."),
  lightAmbient: factor("Factor on the brightness of the surroundings."),
  colors: z
    .record(z.string(), z.tuple([level, level, level]))
    .optional()
    .describe("New rgb colours by material name."),
}) satisfies z.ZodType<{ readonly [K in keyof DomainShift]?: DomainShift[K] | undefined }>;

/** The shift that a file describes. */
export function shiftOf(parsed: z.output<typeof domainShiftSchema>): Partial<DomainShift> {
  return Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined));
}
