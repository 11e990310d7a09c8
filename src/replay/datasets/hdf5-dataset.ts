import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import h5wasm, { Dataset as H5Dataset, File as H5File, Group as H5Group } from "h5wasm/node";
import sharp from "sharp";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Dataset, DatasetCamera, DatasetEpisode, Frame } from "./dataset.ts";
import { evenStamps } from "./even-stamps.ts";

/** Where one demonstration's arrays lie. */
interface Demonstration {
  readonly file: string;
  readonly action: string;
  readonly state: readonly string[];
  readonly velocity: string | undefined;
  readonly reward: string | undefined;
  readonly done: string | undefined;
  readonly images: Readonly<Record<string, string>>;
}

/** robomimic's default low-dimensional observations. */
const ROBOMIMIC_STATE = ["robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos"];

/**
 * HDF5 files as ALOHA writes them (one file per episode: /observations, /action), or robomimic (/data/demo_*).
 *
 * They carry no stamps: steps are put at an even rate. Images are arrays of pixels, or ALOHA's padded JPEG bytes.
 * @throws ERR_DATASET_UNREADABLE if a file is of neither layout
 */
export async function openHdf5Dataset(path: string, { rateHz }: { rateHz: number }): Promise<Dataset> {
  await h5wasm.ready;
  const demonstrations = (await filesOf(path)).flatMap(demonstrationsIn);
  const [first] = demonstrations;
  if (first === undefined) throw unreadable(path, "no file in it has /action or /data/demo_*");
  const cameras: DatasetCamera[] = [];
  const widths = await withFile(first.file, async (file) => {
    for (const [name, key] of Object.entries(first.images)) cameras.push({ name, ...(await sizeOf(file, key)) });
    const width = (key: string) => arrayAt(file, key).shape?.[1] ?? 1;
    return { state: first.state.map((key) => [basename(key), width(key)] as const), action: width(first.action) };
  });
  const stateNames = widths.state.flatMap(([name, width]) =>
    width === 1 ? [name] : Array.from({ length: width }, (_, i) => `${name}_${i}`),
  );
  return {
    path,
    stateNames,
    actionNames: Array.from({ length: widths.action }, (_, i) => `action_${i}`),
    cameras,
    provenanceNames: [],
    rateHz,
    episodeCount: demonstrations.length,
    async episode(number): Promise<DatasetEpisode> {
      const demonstration = demonstrations[number]!;
      return withFile(demonstration.file, async (file) => {
        const action = numbersAt(file, demonstration.action);
        const steps = arrayAt(file, demonstration.action).shape?.[0] ?? 0;
        const parts = demonstration.state.map((key) => numbersAt(file, key));
        const reward = demonstration.reward === undefined ? undefined : numbersAt(file, demonstration.reward);
        const done = demonstration.done === undefined ? undefined : numbersAt(file, demonstration.done);
        const stamps = evenStamps(number, steps, rateHz);
        return {
          number,
          task: "",
          success: (reward?.at(-1) ?? 0) > 0,
          terminal: (done?.at(-1) ?? 0) > 0,
          ...stamps,
          state: interleave(parts, steps),
          velocity: demonstration.velocity === undefined ? new Float64Array() : numbersAt(file, demonstration.velocity),
          action,
          reward: Float32Array.from({ length: steps }, (_, i) => reward?.[i] ?? Number.NaN),
          intervention: Array.from({ length: steps }, () => false),
          provenance: {},
          frames: (camera) => framesOf(demonstration.file, demonstration.images[camera]!, stamps.stampsNs),
        };
      });
    },
    close: async () => {},
  };
}

async function filesOf(path: string): Promise<string[]> {
  if (/\.(hdf5|h5)$/.test(path)) return [path];
  try {
    const names = (await readdir(path)).filter((name) => /\.(hdf5|h5)$/.test(name));
    return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).map((name) => join(path, name));
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause);
  }
}

function demonstrationsIn(path: string): Demonstration[] {
  const file = open(path);
  try {
    const keysOf = (key: string) => {
      const group = file.get(key);
      return group instanceof H5Group ? group.keys() : [];
    };
    if (keysOf("data").length > 0) {
      const names = keysOf("data").sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      return names.map((name) => robomimic(path, `/data/${name}`, keysOf(`data/${name}`), keysOf(`data/${name}/obs`)));
    }
    if (!(file.get("action") instanceof H5Dataset)) return [];
    const observations = keysOf("observations");
    return [
      {
        file: path,
        action: "/action",
        state: ["/observations/qpos"],
        velocity: observations.includes("qvel") ? "/observations/qvel" : undefined,
        reward: undefined,
        done: undefined,
        images: Object.fromEntries(
          keysOf("observations/images").map((camera) => [camera, `/observations/images/${camera}`]),
        ),
      },
    ];
  } finally {
    file.close();
  }
}

function robomimic(
  file: string,
  root: string,
  keys: readonly string[],
  observations: readonly string[],
): Demonstration {
  const state = ROBOMIMIC_STATE.filter((name) => observations.includes(name)).map((name) => `${root}/obs/${name}`);
  const images = observations.filter((name) => name.endsWith("_image"));
  return {
    file,
    action: `${root}/actions`,
    state,
    velocity: undefined,
    reward: keys.includes("rewards") ? `${root}/rewards` : undefined,
    done: keys.includes("dones") ? `${root}/dones` : undefined,
    images: Object.fromEntries(images.map((name) => [name.replace(/_image$/, ""), `${root}/obs/${name}`])),
  };
}

function open(path: string): H5File {
  try {
    return new H5File(path, "r");
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause);
  }
}

async function withFile<T>(path: string, use: (file: H5File) => Promise<T>): Promise<T> {
  const file = open(path);
  try {
    return await use(file);
  } finally {
    file.close();
  }
}

function arrayAt(file: H5File, key: string): H5Dataset {
  const array = file.get(key);
  if (array instanceof H5Dataset) return array;
  throw unreadable(file.filename, `it has no array ${key}`);
}

function numbersAt(file: H5File, key: string): Float64Array {
  return Float64Array.from(arrayAt(file, key).value as ArrayLike<number | bigint>, Number);
}

/** Shapes: parts [N, widthᵢ] → [N, Σ width] */
function interleave(parts: readonly Float64Array[], steps: number): Float64Array {
  const rows = Array.from({ length: steps }, (_, step) =>
    parts.flatMap((part) => {
      const width = part.length / steps;
      return Array.from(part.subarray(step * width, (step + 1) * width));
    }),
  );
  return Float64Array.from(rows.flat());
}

async function sizeOf(file: H5File, key: string): Promise<{ width: number; height: number }> {
  const array = arrayAt(file, key);
  const { shape } = array;
  if (shape?.length === 4) return { height: shape[1]!, width: shape[2]! };
  const { width, height } = await sharp(jpegAt(array, 0)).metadata();
  return { width, height };
}

/** One row of padded JPEG bytes. */
function jpegAt(array: H5Dataset, step: number): Uint8Array {
  return Uint8Array.from(array.slice([[step, step + 1]]) as Uint8Array);
}

async function* framesOf(path: string, key: string, stampsNs: readonly bigint[]): AsyncGenerator<Frame> {
  const file = open(path);
  try {
    const array = arrayAt(file, key);
    for (const [step, stampNs] of stampsNs.entries()) {
      if (array.shape?.length !== 4) {
        yield { format: "jpeg", data: trimmed(jpegAt(array, step)), stampNs };
        continue;
      }
      const [, height, width] = array.shape as [number, number, number, number];
      const data = Uint8Array.from(array.slice([[step, step + 1]]) as Uint8Array);
      yield { encoding: "rgb8", width, height, stride: 3 * width, data, stampNs };
    }
  } finally {
    file.close();
  }
}

/** Without the zeros that pad rows of JPEG bytes to one length. */
function trimmed(jpeg: Uint8Array): Uint8Array {
  let end = jpeg.length;
  while (end > 0 && jpeg[end - 1] === 0) end--;
  return jpeg.subarray(0, end);
}

function unreadable(path: string, why: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_DATASET_UNREADABLE", `Expected HDF5 of ALOHA or robomimic at ${path}: ${why}.`, {
    cause,
  });
}
