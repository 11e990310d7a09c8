import type { Manifest } from "../config/manifest.ts";
import { LatentloopError } from "../core/errors.ts";
import { bindProprioception } from "../core/proprioception.ts";
import { FrameSource } from "../replay/frame-source.ts";
import { type IndexedEpisode, ReplayIndex } from "../replay/replay-index.ts";
import { EpisodeStore } from "./episode-store.ts";

/** How far the time between a recording's steps may be from the model's. */
const RATE_TOLERANCE = 0.2;

/**
 * The newest recorded episodes as a model of this manifest would have seen them. Nothing of a recording says who chose the
 * actions or from where an episode starts, so each counts as a policy's that began anew.
 *
 * @param replay a bag, or a folder of bags
 * @throws ERR_BAG_UNREADABLE, ERR_BAG_DAMAGED; ERR_REPLAY_MISMATCH if the recordings are not of the model's robot, cameras and rate
 */
export async function loadReplayEpisodes(replay: string, manifest: Manifest, episodes: number): Promise<EpisodeStore> {
  const index = await ReplayIndex.open(replay);
  const frames = openFrames(index, manifest);
  try {
    const chosen = index.episodes.slice(-episodes);
    if (chosen.length === 0) throw mismatch(replay, "at least one whole episode but it has none");
    const { cameras, proprioception } = manifest.observation;
    const store = new EpisodeStore(
      {
        imageBytes: Object.fromEntries(cameras.map(({ name, width, height }) => [name, width * height * 3])),
        proprioceptionSize: proprioception.length,
        actionSize: manifest.action.dimensions.length,
      },
      chosen.reduce((sum, episode) => sum + episode.frames, 0),
    );
    for (const episode of chosen) {
      checkEpisode(replay, index, episode, manifest);
      const { firstFrame } = copyStates(store, episode, manifest);
      for (const { name } of cameras) {
        for (let row = 0; row < episode.frames; row++) {
          await frames.copyInto(name, [episode.firstFrame + row], store.borrowImage(name, firstFrame + row));
        }
      }
    }
    return store;
  } finally {
    await frames.close();
    await index.close();
  }
}

function openFrames(index: ReplayIndex, { observation }: Manifest): FrameSource {
  const sizes = observation.cameras.map(({ name, width, height }) => ({ camera: name, width, height }));
  const cacheBytes = sizes.reduce((sum, { width, height }) => sum + width * height * 3, 0);
  const placeOf = (camera: string, frame: number) => index.imagePlace(camera, frame);
  return new FrameSource({ sizes, placeOf, cacheBytes, threads: 1 });
}

function checkEpisode(replay: string, index: ReplayIndex, { table }: IndexedEpisode, manifest: Manifest): void {
  const { cameras } = manifest.observation;
  const unseen = cameras.find(({ name }) => !index.cameras.includes(name));
  if (unseen) throw mismatch(replay, `the camera ${unseen.name} but it has ${index.cameras.join(", ")}`);
  const cropped = cameras.find(({ crop, calibrationSha256 }) => crop !== null || calibrationSha256 !== null);
  if (cropped) throw mismatch(replay, `whole images but the model crops or undistorts those of ${cropped.name}`);
  const wanted = manifest.action.dimensions.length;
  if (table.actionNames.length !== wanted) {
    throw mismatch(replay, `${wanted} action dimensions but ${table.bag} has ${table.actionNames.length}`);
  }
  const { stampsNs } = table;
  const rateHz = ((stampsNs.length - 1) * 1e9) / Number(stampsNs.at(-1)! - stampsNs[0]!);
  if (Math.abs(rateHz / manifest.policyRateHz - 1) > RATE_TOLERANCE) {
    throw mismatch(
      replay,
      `steps at ${manifest.policyRateHz} Hz but those of ${table.bag} come at ${rateHz.toFixed(1)} Hz`,
    );
  }
}

/** Everything but the images. */
function copyStates(store: EpisodeStore, { table, frames }: IndexedEpisode, { observation, action }: Manifest) {
  const { jointNames, position, velocity, reward, episode } = table;
  const width = jointNames.length;
  const actionSize = action.dimensions.length;
  const names = action.dimensions.map(({ name }) => name);
  const read = bindProprioception(observation.proprioception, jointNames, names);
  const rest = new Float64Array(actionSize);
  const writer = store.begin({ kind: "reset", seed: episode.number }, "policy");
  for (let row = 0; row < frames; row++) {
    const frame = writer.nextFrame();
    const joints = [position, velocity].map((values) => values.subarray(row * width, (row + 1) * width));
    const last = row === 0 ? rest : table.action.subarray((row - 1) * actionSize, row * actionSize);
    read(joints[0]!, joints[1]!, last, store.borrowProprioception(frame));
    if (row < frames - 1) {
      store.borrowAction(frame).set(table.action.subarray(row * actionSize, (row + 1) * actionSize));
    }
    store.rewards[frame] = reward[row]!;
    store.terminal[frame] = episode.steps[row]!.isTerminal ? 1 : 0;
  }
  return writer.end();
}

function mismatch(replay: string, rule: string): LatentloopError {
  return new LatentloopError("ERR_REPLAY_MISMATCH", `Expected recordings in ${replay} with ${rule}.`, {
    remedy: "Give recordings of the robot and the cameras that the model was trained for.",
  });
}
