// Subscribes `commands` and prints how far the times of their sending lie from a steady rate: the publisher's own stamps of DDS.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "rclcpp/rclcpp.hpp"
#include "std_msgs/msg/float64_multi_array.hpp"

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  auto node = std::make_shared<rclcpp::Node>("interval_meter");
  const double period_ms = 1e3 / node->declare_parameter<double>("rate_hz", 100.0);
  const double seconds = node->declare_parameter<double>("seconds", 60.0);
  std::vector<double> jitter_ms;
  int64_t last_ns = 0;
  auto subscription = node->create_subscription<std_msgs::msg::Float64MultiArray>(
    "commands", rclcpp::QoS(100), [&](std_msgs::msg::Float64MultiArray::ConstSharedPtr, const rclcpp::MessageInfo & info) {
      const int64_t sent_ns = info.get_rmw_message_info().source_timestamp;
      if (last_ns != 0) {
        jitter_ms.push_back(std::fabs(static_cast<double>(sent_ns - last_ns) / 1e6 - period_ms));
      }
      last_ns = sent_ns;
    });
  rclcpp::executors::SingleThreadedExecutor executor;
  executor.add_node(node);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (rclcpp::ok() && std::chrono::steady_clock::now() < end) {
    executor.spin_once(std::chrono::milliseconds(100));
  }
  std::sort(jitter_ms.begin(), jitter_ms.end());
  const auto at = [&](double share) {
      return jitter_ms.empty() ? 0.0 : jitter_ms[static_cast<size_t>(share * (jitter_ms.size() - 1))];
    };
  std::printf(
    "{\"commands\":%zu,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f}\n", jitter_ms.size(), at(0.5), at(0.99), at(1.0));
  rclcpp::shutdown();
  return 0;
}
