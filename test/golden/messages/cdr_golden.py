"""Golden CDR bytes, packed by hand from the XCDR1 rules (OMG DDS-XTypes 1.3, 7.4.1) with nothing but `struct`.

Rules: a 4-byte header 00 01 00 00 (plain CDR, little-endian); every primitive is aligned to its own size, counted from
the end of the header; a string is its UTF-8 length with the closing NUL as uint32, then bytes and NUL; a sequence is its
count as uint32, then its elements; a struct is its members.

Run: python3 cdr_golden.py > cdr.json        Python 3.11, no seed, exact.
"""

import json
import struct


class Cdr:
    def __init__(self):
        self.data = bytearray()

    def pack(self, code, value):
        size = struct.calcsize("<" + code)
        self.data += b"\0" * (-len(self.data) % size)
        self.data += struct.pack("<" + code, value)
        return self

    def many(self, code, values):
        for value in values:
            self.pack(code, value)
        return self

    def seq(self, code, values):
        return self.pack("I", len(values)).many(code, values)

    def text(self, value):
        raw = value.encode("utf-8") + b"\0"
        self.pack("I", len(raw))
        self.data += raw
        return self

    def strings(self, *values):
        for value in values:
            self.text(value)
        return self

    def texts(self, values):
        return self.pack("I", len(values)).strings(*values)

    def time(self, sec, nanosec):
        return self.pack("i", sec).pack("I", nanosec)

    def header(self, sec, nanosec, frame):
        return self.time(sec, nanosec).text(frame)

    def hex(self):
        return (b"\x00\x01\x00\x00" + bytes(self.data)).hex()


def stamp(sec, nanosec):
    return {"sec": sec, "nanosec": nanosec}


def head(sec, nanosec, frame):
    return {"stamp": stamp(sec, nanosec), "frame_id": frame}


# 64-bit integers are JSON strings with a trailing n; everything else is plain JSON.
cases = []


def case(type_name, message, cdr):
    cases.append({"type": type_name, "message": message, "cdr": cdr.hex()})


case("builtin_interfaces/msg/Time", stamp(-1, 999999999), Cdr().time(-1, 999999999))
case("std_msgs/msg/Header", head(1766000000, 5, "base_link"), Cdr().header(1766000000, 5, "base_link"))
case("std_msgs/msg/Bool", {"data": True}, Cdr().pack("B", 1))
case("std_msgs/msg/Float32", {"data": -0.1875}, Cdr().pack("f", -0.1875))
case("std_msgs/msg/String", {"data": ""}, Cdr().text(""))
case("std_msgs/msg/String", {"data": "Grüße, 机器人 🤖"}, Cdr().text("Grüße, 机器人 🤖"))
case(
    "std_msgs/msg/Float64MultiArray",
    {
        "layout": {"dim": [{"label": "joint", "size": 3, "stride": 3}], "data_offset": 0},
        "data": [0.5, -1.25, 1e300],
    },
    Cdr().pack("I", 1).text("joint").pack("I", 3).pack("I", 3).pack("I", 0).seq("d", [0.5, -1.25, 1e300]),
)
case(
    "std_msgs/msg/Float64MultiArray",
    {"layout": {"dim": [], "data_offset": 7}, "data": []},
    Cdr().pack("I", 0).pack("I", 7).pack("I", 0),
)
pixels = [(7 * i) % 256 for i in range(18)]
case(
    "sensor_msgs/msg/Image",
    {
        "header": head(12, 34, "camera_color_optical_frame"),
        "height": 2,
        "width": 3,
        "encoding": "rgb8",
        "is_bigendian": 0,
        "step": 9,
        "data": pixels,
    },
    Cdr()
    .header(12, 34, "camera_color_optical_frame")
    .many("I", [2, 3])
    .text("rgb8")
    .pack("B", 0)
    .pack("I", 9)
    .seq("B", pixels),
)
case(
    "sensor_msgs/msg/CompressedImage",
    {"header": head(0, 1, "c"), "format": "rgb8; jpeg compressed bgr8", "data": [255, 216, 255]},
    Cdr().header(0, 1, "c").text("rgb8; jpeg compressed bgr8").seq("B", [255, 216, 255]),
)
k = [500.0, 0.0, 320.5, 0.0, 500.5, 240.25, 0.0, 0.0, 1.0]
r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
p = [500.0, 0.0, 320.5, 0.0, 0.0, 500.5, 240.25, 0.0, 0.0, 0.0, 1.0, 0.0]
d = [-0.25, 0.125, 0.0, 0.001953125, 0.0]
case(
    "sensor_msgs/msg/CameraInfo",
    {
        "header": head(3, 4, "odd"),
        "height": 480,
        "width": 640,
        "distortion_model": "plumb_bob",
        "d": d,
        "k": k,
        "r": r,
        "p": p,
        "binning_x": 1,
        "binning_y": 2,
        "roi": {"x_offset": 3, "y_offset": 4, "height": 5, "width": 6, "do_rectify": True},
    },
    Cdr()
    .header(3, 4, "odd")
    .many("I", [480, 640])
    .text("plumb_bob")
    .seq("d", d)
    .many("d", k + r + p)
    .many("I", [1, 2, 3, 4, 5, 6])
    .pack("B", 1),
)
case(
    "sensor_msgs/msg/JointState",
    {
        "header": head(7, 8, ""),
        "name": ["shoulder", "ellbögen"],
        "position": [0.5, -0.5],
        "velocity": [],
        "effort": [9.75, 0.0],
    },
    Cdr().header(7, 8, "").texts(["shoulder", "ellbögen"]).seq("d", [0.5, -0.5]).seq("d", []).seq("d", [9.75, 0.0]),
)
case(
    "sensor_msgs/msg/Joy",
    {"header": head(9, 10, "joy"), "axes": [0.25, -1.0], "buttons": [1, 0, -3]},
    Cdr().header(9, 10, "joy").seq("f", [0.25, -1.0]).seq("i", [1, 0, -3]),
)


def xyz(x, y, z):
    return {"x": x, "y": y, "z": z}


case(
    "geometry_msgs/msg/TwistStamped",
    {"header": head(1, 2, "tool0"), "twist": {"linear": xyz(0.5, 0.25, -4.0), "angular": xyz(1.0, 2.0, 3.0)}},
    Cdr().header(1, 2, "tool0").many("d", [0.5, 0.25, -4.0, 1.0, 2.0, 3.0]),
)
case(
    "geometry_msgs/msg/PoseStamped",
    {
        "header": head(1, 2, "map"),
        "pose": {"position": xyz(0.5, 0.25, -4.0), "orientation": {"x": 0.0, "y": 0.0, "z": 0.6, "w": 0.8}},
    },
    Cdr().header(1, 2, "map").many("d", [0.5, 0.25, -4.0, 0.0, 0.0, 0.6, 0.8]),
)
case(
    "nav_msgs/msg/Path",
    {
        "header": head(1, 2, "base_link"),
        "poses": [
            {
                "header": head(3, 4, "base_link"),
                "pose": {"position": xyz(0.5, 0.25, -4.0), "orientation": {"x": 0.0, "y": 0.0, "z": 0.6, "w": 0.8}},
            }
        ],
    },
    Cdr()
    .header(1, 2, "base_link")
    .pack("I", 1)
    .header(3, 4, "base_link")
    .many("d", [0.5, 0.25, -4.0, 0.0, 0.0, 0.6, 0.8]),
)
case(
    "control_msgs/msg/JointJog",
    {
        "header": head(1, 2, "base_link"),
        "joint_names": ["elbow", "wrist"],
        "displacements": [],
        "velocities": [0.5, -1.5],
        "duration": 0.25,
    },
    Cdr().header(1, 2, "base_link").texts(["elbow", "wrist"]).seq("d", []).seq("d", [0.5, -1.5]).pack("d", 0.25),
)


def point(cdr, q, v, sec, nanosec):
    return cdr.seq("d", q).seq("d", v).seq("d", []).seq("d", []).time(sec, nanosec)


trajectory = Cdr().header(5, 6, "").texts(["j1", "j2"]).pack("I", 2)
point(point(trajectory, [0.1, 0.2], [1.0, 1.5], 0, 10000000), [0.3, 0.4], [], 0, 20000000)
empty = {"accelerations": [], "effort": []}
case(
    "trajectory_msgs/msg/JointTrajectory",
    {
        "header": head(5, 6, ""),
        "joint_names": ["j1", "j2"],
        "points": [
            {"positions": [0.1, 0.2], "velocities": [1.0, 1.5], "time_from_start": stamp(0, 10000000), **empty},
            {"positions": [0.3, 0.4], "velocities": [], "time_from_start": stamp(0, 20000000), **empty},
        ],
    },
    trajectory,
)
case(
    "diagnostic_msgs/msg/DiagnosticArray",
    {
        "header": head(1, 0, ""),
        "status": [
            {
                "level": 2,
                "name": "control: loop",
                "message": "late",
                "hardware_id": "arm",
                "values": [{"key": "missed", "value": "3"}],
            },
            {"level": 0, "name": "x", "message": "", "hardware_id": "", "values": []},
        ],
    },
    Cdr()
    .header(1, 0, "")
    .pack("I", 2)
    .pack("B", 2)
    .strings("control: loop", "late", "arm")
    .pack("I", 1)
    .strings("missed", "3")
    .pack("B", 0)
    .strings("x", "", "")
    .pack("I", 0),
)
actions = [0.5, -1.0, 0.25, 1.0]
case(
    "latentloop_msgs/msg/Plan",
    {
        "header": head(100, 200, ""),
        "plan_id": "18446744073709551615n",
        "start_monotonic_ns": 123456789012345.0,
        "step_period_ns": 5e7,
        "observation_stamp": stamp(99, 1),
        "observation_arrival_monotonic_ns": 123456700000000.5,
        "model_hash": "0123456789abcdef",
        "rung": 1,
        "value": 3.5,
        "surprise": 0.125,
        "delay_ns": 3e7,
        "compute_ns": 1.5e7,
        "action_dimension": 2,
        "actions": actions,
    },
    Cdr()
    .header(100, 200, "")
    .pack("Q", 2**64 - 1)
    .many("d", [123456789012345.0, 5e7])
    .time(99, 1)
    .pack("d", 123456700000000.5)
    .text("0123456789abcdef")
    .pack("B", 1)
    .many("f", [3.5, 0.125])
    .many("d", [3e7, 1.5e7])
    .pack("I", 2)
    .seq("f", actions),
)
case(
    "latentloop_msgs/msg/Tick",
    {
        "header": head(1, 2, ""),
        "tick": "9007199254740993n",
        "deadline_ns": 1.0,
        "begin_ns": 2.0,
        "command_ns": 3.0,
        "status": 1,
        "halt_cause": 2,
        "rung": 3,
        "limit_bits": 4,
        "plan_id": "5n",
        "model_hash": "ff",
        "observation_stamp": stamp(6, 7),
        "joint_state_age_ns": 8.0,
        "plan_age_ns": 9.0,
        "requested": [0.1],
        "command": [0.2, 0.3],
        "executed_action": [0.5],
    },
    Cdr()
    .header(1, 2, "")
    .pack("Q", 9007199254740993)
    .many("d", [1.0, 2.0, 3.0])
    .many("B", [1, 2, 3, 4])
    .pack("Q", 5)
    .text("ff")
    .time(6, 7)
    .many("d", [8.0, 9.0])
    .seq("d", [0.1])
    .seq("d", [0.2, 0.3])
    .seq("f", [0.5]),
)
case(
    "latentloop_msgs/msg/EpisodeEvent",
    {
        "header": head(1, 2, "é"),
        "kind": 1,
        "episode": 4294967295,
        "step": 3,
        "reward": -0.5,
        "is_terminal": False,
        "success": True,
        "intervention": False,
        "note": "gut ✓",
    },
    Cdr()
    .header(1, 2, "é")
    .pack("B", 1)
    .many("I", [4294967295, 3])
    .pack("f", -0.5)
    .many("B", [0, 1, 0])
    .text("gut ✓"),
)
case(
    "latentloop_msgs/msg/TickInput",
    {
        "header": head(1, 2, ""),
        "session": "1700000000000000001n",
        "tick": "7n",
        "now_ns": 1.5,
        "command_ns": 2.5,
        "events": 43,
        "halt_request": 12,
        "joint_state_arrival_ns": 3.5,
        "position": [0.1, -0.2],
        "velocity": [0.3, 0.4],
        "plan_id": "5n",
        "plan_arrival_ns": 4.5,
        "plan_start_ns": 5.5,
        "plan_observation_arrival_ns": 6.5,
        "checksum": 77,
    },
    Cdr()
    .header(1, 2, "")
    .many("Q", [1700000000000000001, 7])
    .many("d", [1.5, 2.5])
    .many("B", [43, 12])
    .pack("d", 3.5)
    .seq("d", [0.1, -0.2])
    .seq("d", [0.3, 0.4])
    .pack("Q", 5)
    .many("d", [4.5, 5.5, 6.5])
    .pack("I", 77),
)
case(
    "latentloop_msgs/msg/SessionStart",
    {"header": head(1, 2, ""), "session": "3n", "part": "model", "machine": "v20", "setup": "{}"},
    Cdr().header(1, 2, "").pack("Q", 3).strings("model", "v20", "{}"),
)
case(
    "latentloop_msgs/msg/PolicyEvent",
    {
        "header": head(1, 2, ""),
        "session": "3n",
        "number": 4,
        "kind": 2,
        "cameras": ["scene"],
        "image_stamps": [stamp(5, 6)],
        "image_checksums": [4294967295],
        "proprioception": [0.5],
        "capture_ns": 7.5,
        "arrival_ns": 8.5,
        "clock_ns": [9.5, 10.5],
        "mean_actions": [0.25, -0.5],
        "graph_runs": [0, 0, 1],
        "checksum": 78,
        "latent_checksum": 11,
        "plan": [
            {
                "header": head(100, 200, ""),
                "plan_id": "1n",
                "start_monotonic_ns": 2.5,
                "step_period_ns": 5e7,
                "observation_stamp": stamp(99, 1),
                "observation_arrival_monotonic_ns": 0.5,
                "model_hash": "ff",
                "rung": 0,
                "value": 3.5,
                "surprise": 0.125,
                "delay_ns": 3e7,
                "compute_ns": 1.5e7,
                "action_dimension": 2,
                "actions": [0.5, -1.0],
            }
        ],
    },
    Cdr()
    .header(1, 2, "")
    .pack("Q", 3)
    .pack("I", 4)
    .pack("B", 2)
    .pack("I", 1)
    .text("scene")
    .pack("I", 1)
    .time(5, 6)
    .seq("I", [4294967295])
    .seq("f", [0.5])
    .many("d", [7.5, 8.5])
    .seq("d", [9.5, 10.5])
    .seq("f", [0.25, -0.5])
    .seq("B", [0, 0, 1])
    .many("I", [78, 11])
    .pack("I", 1)
    .header(100, 200, "")
    .pack("Q", 1)
    .many("d", [2.5, 5e7])
    .time(99, 1)
    .pack("d", 0.5)
    .text("ff")
    .pack("B", 0)
    .many("f", [3.5, 0.125])
    .many("d", [3e7, 1.5e7])
    .pack("I", 2)
    .seq("f", [0.5, -1.0]),
)
case(
    "latentloop_msgs/msg/TrainingProgress",
    {
        "header": head(3, 4, ""),
        "state": "training",
        "reason": "",
        "live": "0123456789abcdef",
        "run": 2,
        "progress": 0.25,
        "updates": 400,
        "updates_per_second": 12.5,
        "figure_names": ["loss", "größe"],
        "figures": [0.5, -2.0],
        "episodes": 24,
        "episodes_fresh": 18,
        "episodes_held_out": 6,
        "data_age": 7.5,
        "proposed": 3,
        "refused": 1,
        "kept": 1,
        "rolled_back": 1,
        "candidate": "reach-0123",
        "fate": "kept",
        "curve_updates": [40.0, 80.0, 120.0],
        "curve": [4.0, 2.0, 1.0],
    },
    Cdr()
    .header(3, 4, "")
    .strings("training", "", "0123456789abcdef")
    .pack("I", 2)
    .pack("f", 0.25)
    .pack("I", 400)
    .pack("f", 12.5)
    .pack("I", 2)
    .strings("loss", "größe")
    .seq("f", [0.5, -2.0])
    .many("I", [24, 18, 6])
    .pack("f", 7.5)
    .many("I", [3, 1, 1, 1])
    .strings("reach-0123", "kept")
    .seq("f", [40.0, 80.0, 120.0])
    .seq("f", [4.0, 2.0, 1.0]),
)
print(json.dumps(cases, ensure_ascii=False, indent=1))
