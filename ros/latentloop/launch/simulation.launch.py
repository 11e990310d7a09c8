"""The simulator as a ROS 2 robot: joint_states, <camera>/image_raw, <camera>/camera_info; obeys commands."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "task": ("reach", "simulated task: reach, arm-reach, arm-push"),
    "namespace": ("", "put before all names"),
    "image_size": ("128", "width and height of the images"),
    "seed": ("0", "seed of the start and the targets"),
}


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    robot = Node(
        package="latentloop",
        executable="simulated_robot",
        name="simulated_robot",
        namespace=LaunchConfiguration("namespace"),
        parameters=[
            {
                "task": LaunchConfiguration("task"),
                "image_size": ParameterValue(LaunchConfiguration("image_size"), value_type=int),
                "seed": ParameterValue(LaunchConfiguration("seed"), value_type=int),
                "autostart": True,
            }
        ],
        output="screen",
    )
    return LaunchDescription([*arguments, robot])
