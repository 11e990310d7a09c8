"""A recorded bag into the loop: cameras and joints come from the bag, the model plans, nothing moves.

ros2 launch latentloop replay.launch.py bag:=runs/... robot:=simulated
"""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

SHARE = Path(get_package_share_directory("latentloop"))
BRINGUP = SHARE / "launch" / "bringup.launch.py"


def read_robot(name):
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHARE / "config" / f"{name}.yaml"
    return yaml.safe_load(path.read_text())


def heard_topics(robot):
    """What the nodes of this launch hear; what they publish themselves stays out."""
    raw = robot.get("parameters", {}).get("camera_ingest", {}).get("transport", "raw") == "raw"
    image = "image_raw" if raw else "image_raw/compressed"
    heard = [("world_model", "joint_states"), ("world_model", "control/tick")]
    heard += [(f"{camera}_ingest", f"{camera}/{topic}") for camera in robot["cameras"] for topic in (image, "camera_info")]
    remapped = [robot.get("remappings", {}).get(node, {}).get(topic, topic) for node, topic in heard]
    return [f"/{topic.removeprefix('/')}" for topic in remapped]


def play(context):
    strip = LaunchConfiguration("strip").perform(context)
    given = LaunchConfiguration("topics").perform(context).split()
    robot = read_robot(LaunchConfiguration("robot").perform(context))
    topics = given or [f"{strip}{topic}" for topic in heard_topics(robot)]
    bag = LaunchConfiguration("bag").perform(context)
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
            DeclareLaunchArgument(
                "topics",
                default_value="",
                description="topics of the bag that are played, by full name; by default joints, ticks and the robot's cameras",
            ),
            DeclareLaunchArgument("strip", default_value="", description="namespace that the bag's topics lose"),
            observe,
            OpaqueFunction(function=play),
        ]
    )
