// Subscribes image_raw, reduces each image to means of 8 x 8 blocks and prints how long that took since its stamp.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <vector>

#include "rclcpp/rclcpp.hpp"
#include "sensor_msgs/msg/image.hpp"

constexpr uint32_t kBlock = 8;

static void reduce(const sensor_msgs::msg::Image & image, std::vector<uint8_t> & out)
{
  const uint32_t columns = image.width / kBlock;
  const uint32_t rows = image.height / kBlock;
  std::vector<uint32_t> sums(columns * 3);
  out.resize(static_cast<size_t>(columns) * rows * 3);
  for (uint32_t row = 0; row < rows; row++) {
    std::fill(sums.begin(), sums.end(), 0);
    for (uint32_t y = row * kBlock; y < (row + 1) * kBlock; y++) {
      const uint8_t * line = image.data.data() + static_cast<size_t>(y) * image.step;
      for (uint32_t x = 0; x < columns * kBlock; x++) {
        uint32_t * sum = &sums[x / kBlock * 3];
        sum[0] += line[3 * x];
        sum[1] += line[3 * x + 1];
        sum[2] += line[3 * x + 2];
      }
    }
    for (uint32_t i = 0; i < columns * 3; i++) {
      out[static_cast<size_t>(row) * columns * 3 + i] = static_cast<uint8_t>((sums[i] + 32) / 64);
    }
  }
}

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  auto node = std::make_shared<rclcpp::Node>("image_reducer");
  const auto expected = static_cast<size_t>(node->declare_parameter<int>("expected", 300));
  std::vector<double> latencies_ms;
  std::vector<uint8_t> out;
  std::clock_t first_clock = 0;  // processor time counts from the first image on
  auto subscription = node->create_subscription<sensor_msgs::msg::Image>(
    "image_raw", rclcpp::SensorDataQoS().keep_last(10), [&](sensor_msgs::msg::Image::ConstSharedPtr image) {
      if (latencies_ms.empty()) {
        first_clock = std::clock();
      }
      reduce(*image, out);
      const double ms = (node->now() - rclcpp::Time(image->header.stamp)).nanoseconds() / 1e6;
      latencies_ms.push_back(ms);
    });
  rclcpp::executors::SingleThreadedExecutor executor;
  executor.add_node(node);
  size_t seen = 0;
  auto last = std::chrono::steady_clock::now();
  while (rclcpp::ok() && latencies_ms.size() < expected) {
    executor.spin_once(std::chrono::milliseconds(100));
    const auto now = std::chrono::steady_clock::now();
    if (latencies_ms.size() != seen || seen == 0) {
      seen = latencies_ms.size();
      last = now;
    } else if (now - last > std::chrono::seconds(2)) {
      break;  // the publisher has ended
    }
  }
  std::sort(latencies_ms.begin(), latencies_ms.end());
  const auto at = [&](double share) {
      return latencies_ms.empty() ? 0.0 : latencies_ms[static_cast<size_t>(share * (latencies_ms.size() - 1))];
    };
  const double cpu_s = static_cast<double>(std::clock() - first_clock) / CLOCKS_PER_SEC;
  std::printf(
    "{\"received\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"cpu_s\":%.2f}\n", latencies_ms.size(), at(0.5), at(0.99), cpu_s);
  rclcpp::shutdown();
  return 0;
}
