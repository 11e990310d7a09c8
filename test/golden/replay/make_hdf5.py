"""Writes small HDF5 files as ALOHA and robomimic lay them out.

h5py 3.16.0, numpy 2.4.6, opencv 5.0.0. Usage: python make_hdf5.py <folder>; values are exact, JPEG within 3 of 255.
"""

import sys
from pathlib import Path

import cv2
import h5py
import numpy as np

folder = Path(sys.argv[1])

with h5py.File(folder / "aloha_0.hdf5", "w") as file:
    file["action"] = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
    observations = file.create_group("observations")
    observations["qpos"] = np.arange(12).reshape(4, 3) * 1.5
    observations["qvel"] = -np.arange(12).reshape(4, 3) * 1.0
    images = observations.create_group("images")
    images["top"] = np.stack([np.full((6, 8, 3), 10 * i, np.uint8) for i in range(4)])
    jpegs = [cv2.imencode(".jpg", np.full((6, 8, 3), 20 * i, np.uint8))[1].ravel() for i in range(4)]
    longest = max(map(len, jpegs)) + 5
    images["wrist"] = np.stack([np.pad(jpeg, (0, longest - len(jpeg))) for jpeg in jpegs])

with h5py.File(folder / "robomimic.hdf5", "w") as file:
    for k in (0, 1, 10, 2):
        demo = file.create_group(f"data/demo_{k}")
        demo["actions"] = np.full((3, 2), k, float)
        demo["rewards"] = np.array([0, 0, 1.0])
        demo["dones"] = np.array([0, 0, 1])
        obs = demo.create_group("obs")
        obs["robot0_eef_pos"] = np.full((3, 3), k + 0.5)
        obs["robot0_eef_quat"] = np.zeros((3, 4))
        obs["robot0_gripper_qpos"] = np.ones((3, 2))
        obs["agentview_image"] = np.full((3, 8, 8, 3), k, np.uint8)
