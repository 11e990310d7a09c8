#!/usr/bin/env python3
"""Subscribes image_raw, reduces each image to means of 8 x 8 blocks and prints how long that took since its stamp."""

import json
import time

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

BLOCK = 8


def reduce(image):
    pixels = np.frombuffer(image.data, dtype=np.uint8).reshape(image.height, image.width, 3)
    rows, columns = image.height // BLOCK, image.width // BLOCK
    blocks = pixels.reshape(rows, BLOCK, columns, BLOCK, 3)
    return ((blocks.sum(axis=(1, 3), dtype=np.uint32) + 32) // 64).astype(np.uint8)


def main():
    rclpy.init()
    node = Node("image_reducer_py")
    expected = node.declare_parameter("expected", 300).value
    latencies_ms = []
    last = time.monotonic()
    first_cpu = 0.0  # processor time counts from the first image on

    def receive(image):
        nonlocal last, first_cpu
        first_cpu = first_cpu or time.process_time()
        reduce(image)
        sent_ns = image.header.stamp.sec * 10**9 + image.header.stamp.nanosec
        latencies_ms.append((time.time_ns() - sent_ns) / 1e6)
        last = time.monotonic()

    node.create_subscription(Image, "image_raw", receive, QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT))
    while len(latencies_ms) < expected and (not latencies_ms or time.monotonic() - last < 2):
        rclpy.spin_once(node, timeout_sec=0.1)
    p50, p99 = np.percentile(latencies_ms, [50, 99]) if latencies_ms else (0.0, 0.0)
    result = {"received": len(latencies_ms), "p50_ms": p50, "p99_ms": p99, "cpu_s": time.process_time() - first_cpu}
    print(json.dumps(result), flush=True)
    node.destroy_node()
    rclpy.shutdown()


main()
