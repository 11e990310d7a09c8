"""Where the tip of a chain is and how it moves, by MuJoCo's own reading of the same URDF.

Run: python3 kinematics_golden.py > kinematics.json        Python 3.11, mujoco 3.x, numpy seed 3, tolerance 1e-9.
"""

import json
import re
from pathlib import Path

import mujoco
import numpy as np

here = Path(__file__).parent
urdf = (here / "arm.urdf").read_text()
inertial = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
urdf = re.sub(r'<link name="(\w+)"/>', rf'<link name="\1">{inertial}</link>', urdf)
urdf = urdf.replace("</robot>", '<mujoco><compiler fusestatic="false"/></mujoco></robot>')
model = mujoco.MjModel.from_xml_string(urdf)
data = mujoco.MjData(model)
tip = model.body("tool").id
names = [model.joint(i).name for i in range(model.njnt)]
rng = np.random.default_rng(3)
cases = []
for _ in range(12):
    data.qpos[:] = rng.uniform(-2, 2, model.nq)
    data.qvel[:] = rng.uniform(-1, 1, model.nv)
    mujoco.mj_forward(model, data)
    linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    mujoco.mj_jacBody(model, data, linear, angular, tip)
    w, x, y, z = data.xquat[tip]
    sign = -1 if w < 0 else 1
    cases.append(
        {
            "positions": dict(zip(names, data.qpos.tolist())),
            "velocities": dict(zip(names, data.qvel.tolist())),
            "position": data.xpos[tip].tolist(),
            "orientation": [sign * v for v in (x, y, z, w)],
            "linear": (linear @ data.qvel).tolist(),
            "angular": (angular @ data.qvel).tolist(),
        }
    )
print(json.dumps(cases, indent=1))
