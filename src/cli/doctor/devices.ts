import { readdir, readFile } from "node:fs/promises";
import { pythonPeer } from "../python-peer.ts";
import type { Finding } from "./finding.ts";
import { runProgram } from "./run-program.ts";

/** Cameras, the video encoder, and the Python packages that benchmarks compare with. */
export async function examineDevices(): Promise<Finding[]> {
  return Promise.all([examineCameras(), examineFfmpeg(), examinePython()]);
}

async function examineCameras(): Promise<Finding> {
  const devices = (await readdir("/dev").catch(() => [])).filter((device) => /^video\d+$/.test(device)).toSorted();
  const named = await Promise.all(
    devices.map(async (device) => {
      const title = await readFile(`/sys/class/video4linux/${device}/name`, "utf8").catch(() => "");
      return `/dev/${device}${title && ` (${title.trim()})`}`;
    }),
  );
  return {
    name: "cameras",
    status: named.length > 0 ? "ok" : "missing",
    found: named.length > 0 ? named.join(", ") : "no /dev/video*",
    gives:
      "a camera for a ROS 2 driver on this machine (v4l2_camera, usb_cam), which sends its images; latentloop opens none itself",
    remedy: "Plug in a camera and join the group video. Simulated cameras and those of other machines need none.",
    values: { devices },
  };
}

async function examineFfmpeg(): Promise<Finding> {
  const version = (await runProgram("ffmpeg", ["-version"]))?.split("\n")[0]?.replace(/ Copyright.*/, "");
  return {
    name: "ffmpeg",
    status: version === undefined ? "missing" : "ok",
    found: version ?? "not installed",
    gives: "export of recordings as video (LeRobot datasets)",
    remedy: "Install it with your package manager: apt install ffmpeg.",
  };
}

const PEERS = ["torch", "cv2", "numpy"];
const FIND_PEERS = `import importlib.util as u; print(" ".join(n for n in ${JSON.stringify(PEERS)} if u.find_spec(n)))`;

async function examinePython(): Promise<Finding> {
  const found = (await runProgram(pythonPeer(), ["-c", FIND_PEERS]))?.trim().split(" ");
  const missing = PEERS.filter((peer) => !found?.includes(peer));
  const text =
    found === undefined
      ? "no python3"
      : `${pythonPeer()} ${missing.length === 0 ? `with ${PEERS.join(", ")}` : `without ${missing.join(", ")}`}`;
  return {
    name: "python3 peers",
    status: missing.length === 0 ? "ok" : "missing",
    found: text,
    gives: "baselines in latentloop bench; nothing else uses Python",
    remedy: "Run apt install python3-torch python3-opencv libopenblas0.",
    values: { missing },
  };
}
