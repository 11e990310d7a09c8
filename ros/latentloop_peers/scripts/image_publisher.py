#!/usr/bin/env python3
"""Publishes rgb8 images on image_raw at a steady rate, stamped with the time of sending."""

import array
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image


def main():
    rclpy.init()
    node = Node("image_publisher_py")
    width = node.declare_parameter("width", 64).value
    height = node.declare_parameter("height", 48).value
    rate_hz = node.declare_parameter("rate_hz", 30.0).value
    seconds = node.declare_parameter("seconds", 10.0).value
    reliable = node.declare_parameter("reliable", False).value
    encoding = node.declare_parameter("encoding", "rgb8").value
    qos = QoSProfile(
        depth=5, reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    )
    publisher = node.create_publisher(Image, "image_raw", qos)
    image = Image(width=width, height=height, encoding=encoding, step=3 * width)
    image.header.frame_id = "kamera_µ_光学"
    image.data = array.array("B", (i % 251 for i in range(3 * width * height)))
    while publisher.get_subscription_count() == 0:
        time.sleep(0.01)
    time.sleep(0.5)
    due = time.monotonic()
    for _ in range(int(rate_hz * seconds)):
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1 / rate_hz
        image.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(image)
    time.sleep(0.2)
    node.destroy_node()
    rclpy.shutdown()


main()
