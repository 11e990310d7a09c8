"""Golden values of the image path from OpenCV. Run: python3 make_golden.py > opencv.json"""

import json

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48
OUTPUT = (18, 13)
SAMPLES = 64
CROP = dict(x=3.0, y=2.0, width=55.0, height=44.5)


def noise(count, seed):
    """The test makes the same bytes: a linear congruential generator, its top byte."""
    state, values = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    return np.array(values, dtype=np.uint8)


def rotation(x, y, z):
    return cv2.Rodrigues(np.array([x, y, z], dtype=np.float64))[0]


CAMERAS = {
    "plumb_bob": dict(D=[-0.28, 0.07, 0.001, -0.0005, 0.01], R=rotation(0.01, -0.02, 0.015)),
    "rational_polynomial": dict(D=[0.3, -0.1, 0.0007, -0.0004, 0.02, 0.55, 0.05, 0.01], R=rotation(0, 0.03, 0)),
    "equidistant": dict(D=[-0.02, 0.01, -0.004, 0.0008], R=rotation(-0.02, 0.01, 0.03)),
}
K = np.array([[52.3, 0, 31.3], [0, 51.2, 24.1], [0, 0, 1]])
P = np.array([[49.0, 0, 32.5, 0], [0, 48.5, 23.4, 0], [0, 0, 1, 0]])


def maps(model, D, R, intrinsics, size):
    D = np.array(D)
    undistort = cv2.fisheye.initUndistortRectifyMap if model == "equidistant" else cv2.initUndistortRectifyMap
    return undistort(K, D, R, intrinsics, size, cv2.CV_32FC1)


def undistorted(model, D, R, picture):
    """Nearest source pixel at many samples of each output pixel, then their mean."""
    w, h = OUTPUT
    sx, sy = CROP["width"] / (w * SAMPLES), CROP["height"] / (h * SAMPLES)
    # Sample i lies at u = crop.x + (i + 0.5) * sx - 0.5, hence i = (u - shift) / sx.
    shift_x, shift_y = CROP["x"] + 0.5 * sx - 0.5, CROP["y"] + 0.5 * sy - 0.5
    to_samples = np.array([[1 / sx, 0, -shift_x / sx], [0, 1 / sy, -shift_y / sy], [0, 0, 1]])
    x, y = maps(model, D, R, to_samples @ P[:, :3], (w * SAMPLES, h * SAMPLES))
    samples = cv2.remap(picture, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return samples.astype(np.float64).reshape(h, SAMPLES, w, SAMPLES, 3).mean(axis=(1, 3))


def lens_case(model, D, R):
    x, y = maps(model, D, R, P[:, :3], (WIDTH, HEIGHT))
    points = [(u, v) for v in range(0, HEIGHT, 9) for u in range(0, WIDTH, 9)]
    picture = noise(WIDTH * HEIGHT * 3, 11).reshape(HEIGHT, WIDTH, 3)
    return dict(
        camera=dict(
            name=model,
            width=WIDTH,
            height=HEIGHT,
            K=K.flatten().tolist(),
            distortionModel=model,
            D=D,
            R=R.flatten().tolist(),
            P=P.flatten().tolist(),
        ),
        points=[[u, v, round(float(x[v, u]), 5), round(float(y[v, u]), 5)] for u, v in points],
        undistorted=np.round(undistorted(model, D, R, picture), 3).flatten().tolist(),
    )


CONVERSIONS = {
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "yuyv": (2, cv2.COLOR_YUV2RGB_YUY2),
    "uyvy": (2, cv2.COLOR_YUV2RGB_UYVY),
    "bayer_rggb8": (1, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr8": (1, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg8": (1, cv2.COLOR_BayerGRBG2RGB),
}


def conversion_case(channels, code, width=18, height=14):
    data = noise(width * height * channels, 5).reshape(height, width, channels)
    if channels == 2:
        data = data // 2 + 64  # OpenCV takes luma below 16 as 16
    rgb = cv2.cvtColor(data if channels > 1 else data[:, :, 0], code)
    return dict(width=width, height=height, rgb=rgb.flatten().tolist())


def area_case():
    picture = noise(WIDTH * HEIGHT * 3, 3).reshape(HEIGHT, WIDTH, 3).astype(np.float32)
    means = cv2.resize(picture, OUTPUT, interpolation=cv2.INTER_AREA)
    return dict(rgb=np.round(means.astype(np.float64), 3).flatten().tolist())


print(
    json.dumps(
        dict(
            versions=dict(opencv=cv2.__version__, numpy=np.__version__),
            output=dict(width=OUTPUT[0], height=OUTPUT[1]),
            crop=CROP,
            lenses=[lens_case(model, **camera) for model, camera in CAMERAS.items()],
            conversions={name: conversion_case(*case) for name, case in CONVERSIONS.items()},
            area=area_case(),
        )
    )
)
