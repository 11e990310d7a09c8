import type { Rng } from "../core/rng.ts";

export type Vector3 = readonly [number, number, number];
export type Range = readonly [low: number, high: number];

/** How a world differs from the nominal one: a fixed, complete description. Factors are 1 and offsets 0 when nominal. */
export interface DomainShift {
  /** Factor on the friction between surfaces. */
  readonly contactFriction: number;
  /** Factor on damping and dry friction in the joints. */
  readonly jointFriction: number;
  /** Factor on the mass and inertia of every body. */
  readonly mass: number;
  /** Factor on the stiffness and damping of position and velocity servos. */
  readonly servoGain: number;
  /** Share of a commanded velocity or effort that is executed; absolute positions stay what they are. */
  readonly commandGain: number;
  /** Control steps between a command and its effect. */
  readonly delaySteps: number;
  /** Displacement of every camera along the axes of the body that carries it. */
  readonly cameraOffsetM: Vector3;
  /** Rotation of every camera about its own right, up and backward axes, as a rotation vector. */
  readonly cameraRotationRad: Vector3;
  /** Added to the unit direction of the light. */
  readonly lightTilt: Vector3;
  /** Factors on the brightness of the light and of the surroundings. */
  readonly lightDiffuse: number;
  readonly lightAmbient: number;
  /** New rgb colours in [0, 1] by material name. */
  readonly colors: Readonly<Record<string, Vector3>>;
}

export const NOMINAL: DomainShift = {
  contactFriction: 1,
  jointFriction: 1,
  mass: 1,
  servoGain: 1,
  commandGain: 1,
  delaySteps: 0,
  cameraOffsetM: [0, 0, 0],
  cameraRotationRad: [0, 0, 0],
  lightTilt: [0, 0, 0],
  lightDiffuse: 1,
  lightAmbient: 1,
  colors: {},
};

/** What to draw a shift from; what is left out stays nominal. Half-widths are symmetric around 0, one draw per axis. */
export interface Randomization {
  readonly contactFriction?: Range;
  readonly jointFriction?: Range;
  readonly mass?: Range;
  readonly servoGain?: Range;
  readonly commandGain?: Range;
  /** Whole steps, both ends included. */
  readonly delaySteps?: Range;
  readonly cameraOffsetM?: number;
  readonly cameraRotationRad?: number;
  readonly lightTilt?: number;
  readonly lightDiffuse?: Range;
  readonly lightAmbient?: Range;
  /** Added to each channel of each material's nominal colour. */
  readonly color?: number;
}

/** A world to train in: wide enough for one camera, one table and the same arm on another day. */
export const MODERATE_RANDOMIZATION: Randomization = {
  contactFriction: [0.7, 1.4],
  jointFriction: [0.7, 1.4],
  mass: [0.85, 1.15],
  servoGain: [0.8, 1.25],
  commandGain: [0.85, 1.1],
  delaySteps: [0, 1],
  cameraOffsetM: 0.015,
  cameraRotationRad: 0.03,
  lightTilt: 0.3,
  lightDiffuse: [0.75, 1.2],
  lightAmbient: [0.75, 1.2],
  color: 0.1,
};

/**
 * Draws one shift. Every quantity has its own generator, so that narrowing one range leaves the other draws alone.
 *
 * @param palette nominal rgb by material name
 */
export function sampleShift(
  randomization: Randomization,
  rng: Rng,
  palette: Readonly<Record<string, Vector3>>,
): DomainShift {
  const factor = (range: Range | undefined) => {
    const own = rng.fork();
    return range === undefined ? 1 : own.uniform(range[0], range[1]);
  };
  const vector = (halfWidth = 0): Vector3 => {
    const own = rng.fork();
    const draw = () => own.uniform(-halfWidth, halfWidth);
    return [draw(), draw(), draw()];
  };
  const [fewest, most] = randomization.delaySteps ?? [0, 0];
  return {
    contactFriction: factor(randomization.contactFriction),
    jointFriction: factor(randomization.jointFriction),
    mass: factor(randomization.mass),
    servoGain: factor(randomization.servoGain),
    commandGain: factor(randomization.commandGain),
    delaySteps: fewest + rng.fork().integer(most - fewest + 1),
    cameraOffsetM: vector(randomization.cameraOffsetM),
    cameraRotationRad: vector(randomization.cameraRotationRad),
    lightTilt: vector(randomization.lightTilt),
    lightDiffuse: factor(randomization.lightDiffuse),
    lightAmbient: factor(randomization.lightAmbient),
    colors: randomization.color === undefined ? {} : jitterColors(palette, randomization.color, rng.fork()),
  };
}

function jitterColors(
  palette: Readonly<Record<string, Vector3>>,
  halfWidth: number,
  rng: Rng,
): Readonly<Record<string, Vector3>> {
  const jitter = (level: number) => Math.min(1, Math.max(0, level + rng.uniform(-halfWidth, halfWidth)));
  return Object.fromEntries(
    Object.entries(palette).map(([name, [r, g, b]]): [string, Vector3] => [name, [jitter(r), jitter(g), jitter(b)]]),
  );
}
