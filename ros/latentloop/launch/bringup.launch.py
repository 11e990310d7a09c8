"""The control loop for one robot: ros2 launch latentloop bringup.launch.py robot:=ur5e model:=<bundle>.

`robot` is a file of share/latentloop/config, or a path. Several robots run side by side with namespace:=left, :=right.
"""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(get_package_share_directory("latentloop"))
REPOSITORY = Path((SHARE / "repository").read_text().strip())

ARGUMENTS = {
    "robot": ("simulated", "configuration of the robot: simulated, ur5e, fr3, so101, or a path"),
    "model": ("", "folder of the bundle; the robot's own by default"),
    "namespace": ("", "put before all names, for several robots side by side"),
    "use_sim_time": ("false", "take the time from /clock"),
    "autostart": ("true", "configure and activate; otherwise `ros2 lifecycle` or a manager does"),
    "camera_priority": ("", "real-time priority (SCHED_FIFO, 1 to 99) of the camera nodes; none by default"),
    "drive": ("true", "false: observe and plan only, nothing moves (for recorded bags)"),
    "record": ("true", "record the session into a bag"),
}


def read_robot(name):
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHARE / "config" / f"{name}.yaml"
    return yaml.safe_load(path.read_text())


def resolve(path):
    """A path as it is, or below the repository."""
    return str(path if Path(path).is_absolute() or Path(path).exists() else REPOSITORY / path)


def make_nodes(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    robot = read_robot(value["robot"])
    if not value["model"] and "model" not in robot:
        raise RuntimeError(f"Expected model:=<bundle folder>: the configuration '{value['robot']}' names none.")
    model = resolve(value["model"] or robot["model"])
    shared = {"use_sim_time": value["use_sim_time"] == "true", "autostart": value["autostart"] == "true"}
    given = {"model": model, "robot": resolve(robot["robot"])}
    if "description" in robot:
        given["description"] = resolve(robot["description"])

    def node(kind, name=None, needs=(), prefix="", **extra):
        name = name or kind
        parameters = [shared, {key: given[key] for key in needs if key in given}, robot.get("parameters", {}).get(kind, {}), extra]
        remappings = list(robot.get("remappings", {}).get(name, {}).items())
        return Node(
            package="latentloop",
            executable=kind,
            name=name,
            namespace=value["namespace"],
            parameters=[group for group in parameters if group],
            remappings=remappings,
            prefix=prefix or None,
            output="screen",
            emulate_tty=True,
        )

    prefix = f"chrt --fifo {value['camera_priority']}" if value["camera_priority"] else ""
    nodes = [
        node("camera_ingest", f"{camera}_ingest", ["model"], prefix, camera=camera) for camera in robot["cameras"]
    ]
    nodes.append(node("world_model", needs=["model", "robot"]))
    if value["drive"] == "true":
        nodes += [node("simulated_robot", needs=["description"])] if robot.get("simulated", False) else []
        nodes.append(node("control", needs=["model", "robot"]))
        if "robot_output" in robot.get("parameters", {}):
            nodes.append(node("robot_output", needs=["robot"]))
    if value["record"] == "true":
        nodes.append(node("recorder"))
    return nodes


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=make_nodes)])
