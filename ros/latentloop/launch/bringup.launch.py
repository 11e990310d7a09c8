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

# Nodes that are worth a priority: little work, and late at once when they wait. Inference is not: it would starve the rest.
PUNCTUAL = ("camera_ingest", "control", "robot_output")

ARGUMENTS = {
    "robot": ("simulated", "configuration of the robot: simulated, ur5e, fr3, so101, or a path"),
    "model": ("", "folder of the bundle; the robot's own by default"),
    "models": ("", "models folder: its live model acts, candidates in it may take over"),
    "automatic": ("false", "adopt candidates that passed the gates without being asked"),
    "teleop": ("", "device of a human beside the policy: joy, gamepad, leader or twist"),
    "episodes": ("false", "serve episodes/begin, success, failure and redo, to collect data"),
    "namespace": ("", "put before all names, for several robots side by side"),
    "use_sim_time": ("false", "take the time from /clock"),
    "autostart": ("true", "configure and activate; otherwise `ros2 lifecycle` or a manager does"),
    "priority": ("", "real-time priority (SCHED_FIFO, 1 to 38) of the camera, control and output nodes; none by default"),
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
    models = resolve(value["models"]) if value["models"] else ""
    model = value["model"] or (f"{models}/live" if models else robot.get("model"))
    if model is None:
        raise RuntimeError(f"Expected model:=<bundle folder>: the configuration '{value['robot']}' names none.")
    shared = {"use_sim_time": value["use_sim_time"] == "true", "autostart": value["autostart"] == "true"}
    given = {"model": resolve(model), "robot": resolve(robot["robot"])}
    if "description" in robot:
        given["description"] = resolve(robot["description"])

    def node(kind, name=None, needs=(), topics=None, **extra):
        name = name or kind
        own = robot.get("parameters", {}).get(kind, {})
        parameters = [shared, {key: given[key] for key in needs if key in given}, own, extra]
        remappings = [*robot.get("remappings", {}).get(name, {}).items(), *(topics or {}).items()]
        return Node(
            package="latentloop",
            executable=kind,
            name=name,
            namespace=value["namespace"],
            parameters=[group for group in parameters if group],
            remappings=remappings,
            prefix=f"chrt --fifo {value['priority']}" if value["priority"] and kind in PUNCTUAL else None,
            output="screen",
            emulate_tty=True,
        )

    nodes = [node("camera_ingest", f"{camera}_ingest", ["model"], camera=camera) for camera in robot["cameras"]]
    swap = {"swap.models": models, "swap.automatic": value["automatic"] == "true"} if models else {}
    nodes.append(node("world_model", needs=["model", "robot"], **swap))
    if value["drive"] == "true":
        simulated = robot.get("simulated", False)
        if simulated:
            # Its own episodes score those that are collected.
            topics = {"episode": "task_episode"} if value["episodes"] == "true" else {}
            nodes.append(node("simulated_robot", needs=["description"], topics=topics))
        if value["episodes"] == "true":
            # Numbers go on through the recorder's folder.
            session = robot.get("parameters", {}).get("recorder", {}).get("folder", "")
            folder = {"folder": session} if session and value["record"] == "true" else {}
            nodes.append(node("episodes", task_node="simulated_robot" if simulated else "", **folder))
        # A human stands between the policy and the control node.
        topics = {"plan": "teleop/plan"} if value["teleop"] else {}
        nodes.append(node("control", needs=["model", "robot"], topics=topics))
        if value["teleop"]:
            nodes.append(node("teleop", needs=["model", "robot"], **{"device.kind": value["teleop"]}))
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
