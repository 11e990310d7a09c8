"""The image path's task in OpenCV, for `latentloop bench image`: colour conversion, remap, area resize.

One JSON request per line on stdin, one JSON reply per line on stdout. "prepare" is followed by the frame's bytes.
"""

import base64
import json
import sys
import time

import cv2
import numpy as np

CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "yuyv": 2, "uyvy": 2}
CONVERSIONS = {
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "yuyv": cv2.COLOR_YUV2RGB_YUY2,
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    # OpenCV's older names count from the second row and column: BG is RGGB.
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB,
    "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGR2RGB,
    "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
}


def prepare(request, data):
    """Returns the function to be timed. Everything that can be computed beforehand is."""
    encoding, width, height = request["encoding"], request["width"], request["height"]
    size = (request["output"], request["output"])
    camera = request["calibration"]
    if camera is not None:
        intrinsics = np.array(camera["K"]).reshape(3, 3)
        rectified = np.array(camera["P"]).reshape(3, 4)[:, :3]
        rotation = np.array(camera["R"]).reshape(3, 3)
        maps = cv2.initUndistortRectifyMap(
            intrinsics, np.array(camera["D"]), rotation, rectified, (width, height), cv2.CV_16SC2
        )

    def decode():
        if encoding == "jpeg":
            return cv2.cvtColor(cv2.imdecode(frame, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return cv2.cvtColor(frame, CONVERSIONS[encoding]) if encoding in CONVERSIONS else frame

    def process():
        image = decode()
        if camera is not None:
            image = cv2.remap(image, *maps, cv2.INTER_LINEAR)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    frame = np.frombuffer(data, np.uint8)
    if encoding != "jpeg":
        channels = CHANNELS.get(encoding, 1)
        frame = frame.reshape((height, width) if channels == 1 else (height, width, channels))
    return process


def timed(process, budget_ms):
    times = []
    end = time.perf_counter() + budget_ms / 1e3
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        process()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def main():
    process = None
    default_threads = cv2.getNumThreads()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        reply = {}
        if request["do"] == "hello":
            reply = {"version": cv2.__version__, "threads": default_threads}
        elif request["do"] == "prepare":
            process = prepare(request, sys.stdin.buffer.read(request["bytes"]))
            reply = {"image": base64.b64encode(process().tobytes()).decode()}
        elif request["do"] == "time":
            cv2.setNumThreads(request["threads"])
            process()
            reply = {"ms": timed(process, request["budget_ms"])}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


main()
