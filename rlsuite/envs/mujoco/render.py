"""Pictures of a state, off-screen, on a scratch MjData that no simulation uses."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsuite.envs.mujoco import engine
from rlsuite.envs.mujoco.engine import mujoco
from rlsuite.errors import RunError


class Camera:
    """Renders states of one model.

    Args:
        model: The compiled model (copied: the off-screen buffer of the copy is enlarged).
        view: Keys of ``MjvCamera``; with ``trackbodyid`` the camera follows that body.
        size: Height and width in pixels.

    Raises:
        RunError: No off-screen OpenGL on this machine.
    """

    def __init__(self, model: Any, view: Mapping[str, Any], size: int = 480) -> None:
        self._model = copy.copy(model)
        self._model.vis.global_.offwidth = max(self._model.vis.global_.offwidth, size)
        self._model.vis.global_.offheight = max(self._model.vis.global_.offheight, size)
        self._data = mujoco.MjData(self._model)
        try:
            self._renderer = mujoco.Renderer(self._model, size, size)
        except Exception as error:  # the GL stack raises whatever its driver feels like
            raise RunError(
                f"MuJoCo cannot draw off-screen (MUJOCO_GL={engine.prepare_gl() or 'unset'}): {error}. "
                "Install libegl1 or libosmesa6, or set MUJOCO_GL=egl or osmesa before Python starts."
            ) from error
        self._view = self._make_view(view)

    def _make_view(self, view: Mapping[str, Any]) -> Any:
        camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(self._model, camera)
        camera.trackbodyid = int(view.get("trackbodyid", 1))
        camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING if camera.trackbodyid > 0 else mujoco.mjtCamera.mjCAMERA_FREE
        camera.distance = float(view.get("distance", self._model.stat.extent))
        camera.elevation = float(view.get("elevation", camera.elevation))
        if "lookat" in view:
            camera.lookat[:] = view["lookat"]
        return camera

    def picture(self, state: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Draw one ``mjSTATE_INTEGRATION`` state, uint8 (H, W, 3)."""
        mujoco.mj_setState(self._model, self._data, state, engine.STATE)
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._view)
        return self._renderer.render()

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()
