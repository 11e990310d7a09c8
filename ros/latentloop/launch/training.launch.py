"""The trainer, beside a robot or on another host that sees the same folders.

ros2 launch latentloop training.launch.py models:=runs/models replay:=runs/ros-simulated
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "models": (None, "models folder: its live model is trained further, candidates go there"),
    "replay": (None, "folder of bags, also while a recorder writes it"),
    "folder": ("runs/trainer", "where the trainer keeps its checkpoint"),
    "namespace": ("", "put before all names, as of the robot's other nodes"),
    "yield_to_loop": ("true", "rest while the control loop is late; false on another host"),
    "autostart": ("true", "configure and activate at once"),
}
FLAGS = ("yield_to_loop", "autostart")


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    texts = {name: LaunchConfiguration(name) for name in ("models", "replay", "folder")}
    flags = {name: ParameterValue(LaunchConfiguration(name), value_type=bool) for name in FLAGS}
    trainer = Node(
        package="latentloop",
        executable="trainer",
        name="trainer",
        namespace=LaunchConfiguration("namespace"),
        parameters=[{**texts, **flags}],
        output="screen",
    )
    return LaunchDescription([*arguments, trainer])
