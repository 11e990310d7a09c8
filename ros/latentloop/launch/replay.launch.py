"""A recorded bag into the loop: cameras and joints come from the bag, the model plans, nothing moves.

ros2 launch latentloop replay.launch.py bag:=runs/... robot:=simulated
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

BRINGUP = Path(get_package_share_directory("latentloop")) / "launch" / "bringup.launch.py"
# What the nodes of this launch publish themselves stays out.
TOPICS = "/joint_states /scene/image_raw /scene/camera_info /control/tick"


def play(context):
    topics = LaunchConfiguration("topics").perform(context).split()
    bag = LaunchConfiguration("bag").perform(context)
    strip = LaunchConfiguration("strip").perform(context)
    command = ["ros2", "bag", "play", bag, "--clock", "100", "--delay", "5", "--topics", *topics]
    if strip:
        command += ["--remap", *(f"{topic}:={topic.removeprefix(strip)}" for topic in topics)]
    return [ExecuteProcess(cmd=command, output="screen")]


def generate_launch_description():
    passed = {name: LaunchConfiguration(name) for name in ("robot", "model")}
    observe = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(BRINGUP)),
        launch_arguments={**passed, "drive": "false", "record": "false", "use_sim_time": "true"}.items(),
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="folder of the bag"),
            DeclareLaunchArgument("robot", default_value="simulated", description="configuration of the robot"),
            DeclareLaunchArgument("model", default_value="", description="folder of the bundle"),
            DeclareLaunchArgument("topics", default_value=TOPICS, description="topics of the bag that are played"),
            DeclareLaunchArgument("strip", default_value="", description="namespace that the bag's topics lose"),
            observe,
            OpaqueFunction(function=play),
        ]
    )
