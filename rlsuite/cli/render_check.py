"""Renders one picture with MuJoCo and fails unless something can be seen on it. Run as a script."""

from __future__ import annotations

SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="box" size=".3 .3 .3" rgba="1 0 0 1"/>
    <camera name="eye" pos="0 -2 0" xyaxes="1 0 0 0 0 1"/>
  </worldbody>
</mujoco>
"""


def main() -> None:
    """Render the scene; the middle must be red and the corner must not."""
    import importlib
    import os
    from typing import Any

    mujoco: Any = importlib.import_module("mujoco")  # its type stubs lack most of its names
    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, 64, 64) as renderer:
        renderer.update_scene(data, camera="eye")
        picture = renderer.render()
    red, green, _ = (int(v) for v in picture[32, 32])
    assert red > max(60, 2 * green), f"the picture is wrong: its middle is {picture[32, 32]}"
    assert int(picture[0, 0].sum()) < 30, f"the picture is wrong: its corner is {picture[0, 0]}"
    print(f"MUJOCO_GL={os.environ.get('MUJOCO_GL', '')}")


if __name__ == "__main__":
    main()
