"""An arm on mocked hardware under a real controller_manager: ros2 launch latentloop_peers mock_arm.launch.py arm:=arm_positions."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

CONFIG = Path(get_package_share_directory("latentloop_peers")) / "config"


def generate_launch_description():
    urdf = (CONFIG / "mock_arm.urdf").read_text()
    controllers = ["joint_state_broadcaster", LaunchConfiguration("arm"), "gripper"]
    return LaunchDescription(
        [
            DeclareLaunchArgument("arm", default_value="arm_trajectory", description="arm_trajectory or arm_positions"),
            Node(
                package="controller_manager",
                executable="ros2_control_node",
                parameters=[{"robot_description": urdf}, str(CONFIG / "mock_arm_controllers.yaml")],
                output="screen",
            ),
            Node(package="controller_manager", executable="spawner", arguments=controllers, output="screen"),
        ]
    )
