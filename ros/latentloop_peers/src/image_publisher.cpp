// Publishes rgb8 images on image_raw at a steady rate, stamped with the time of sending, then prints how many.
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "rclcpp/rclcpp.hpp"
#include "sensor_msgs/msg/image.hpp"

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  auto node = std::make_shared<rclcpp::Node>("image_publisher");
  const auto width = static_cast<uint32_t>(node->declare_parameter<int>("width", 640));
  const auto height = static_cast<uint32_t>(node->declare_parameter<int>("height", 480));
  const auto rate_hz = node->declare_parameter<double>("rate_hz", 30.0);
  const auto seconds = node->declare_parameter<double>("seconds", 10.0);
  const bool reliable = node->declare_parameter<bool>("reliable", false);

  auto qos = rclcpp::SensorDataQoS();
  if (reliable) {
    qos.reliable();
  }
  auto publisher = node->create_publisher<sensor_msgs::msg::Image>("image_raw", qos);

  sensor_msgs::msg::Image image;
  image.header.frame_id = "camera_optical_frame";
  image.width = width;
  image.height = height;
  image.encoding = "rgb8";
  image.step = 3 * width;
  image.data.resize(static_cast<size_t>(image.step) * height);
  for (size_t i = 0; i < image.data.size(); i++) {
    image.data[i] = static_cast<uint8_t>(i * 7 + i / 251);
  }

  while (rclcpp::ok() && publisher->get_subscription_count() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // so that both sides have found each other

  const auto count = static_cast<uint64_t>(rate_hz * seconds);
  const auto period = std::chrono::nanoseconds(static_cast<int64_t>(1e9 / rate_hz));
  auto due = std::chrono::steady_clock::now();
  uint64_t sent = 0;
  for (; sent < count && rclcpp::ok(); sent++) {
    std::this_thread::sleep_until(due);
    due += period;
    image.data[0] = static_cast<uint8_t>(sent);
    image.header.stamp = node->now();
    publisher->publish(image);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  std::printf("{\"sent\":%llu}\n", static_cast<unsigned long long>(sent));
  rclcpp::shutdown();
  return 0;
}
