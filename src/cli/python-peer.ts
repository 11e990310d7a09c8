import { existsSync } from "node:fs";

const SYSTEM_PYTHON = "/usr/bin/python3";

/**
 * Which Python the baselines of `latentloop bench` run in: LATENTLOOP_PYTHON, or the system's own, because that is where
 * the packages of the distribution go. Nothing else uses Python.
 */
export function pythonPeer(): string {
  return process.env.LATENTLOOP_PYTHON ?? (existsSync(SYSTEM_PYTHON) ? SYSTEM_PYTHON : "python3");
}
