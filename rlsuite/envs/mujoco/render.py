"""Pictures of a state, off-screen, on a scratch MjData that no simulation uses."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsuite.envs.mujoco.engine import STATE, mujoco
from rlsuite.envs.mujoco.gl import context_class
from rlsuite.errors import RunError

MAX_GEOMS = 1000
SHADOW_SIZE = 1024
"""Texels a side. MuJoCo's own 4096 with four samples a pixel cost 340 ms of CPU a frame in software, this 60 ms."""


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
        self._model.vis.quality.offsamples = 0
        self._model.vis.quality.shadowsize = min(self._model.vis.quality.shadowsize, SHADOW_SIZE)
        self._data = mujoco.MjData(self._model)
        self._scene = mujoco.MjvScene(self._model, MAX_GEOMS)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False  # a glossy floor draws everything twice
        self._option = mujoco.MjvOption()
        self._rect = mujoco.MjrRect(0, 0, size, size)
        self._open_context(size)
        self._view = self._make_view(view)
        self._own_texels = np.array(self._model.tex_data)
        self._shown: Mapping[int, NDArray[np.uint8]] | None = None

    def _open_context(self, size: int) -> None:
        self._gl: Any = None
        try:
            self._gl = context_class()(size, size)
            self._gl.make_current()
            self._context = mujoco.MjrContext(self._model, int(mujoco.mjtFontScale.mjFONTSCALE_150))
        except Exception as error:  # the GL stack raises whatever its driver feels like
            self.close()
            raise RunError(
                f"MuJoCo cannot draw off-screen (MUJOCO_GL={os.environ.get('MUJOCO_GL', 'unset')}): {error}. "
                "Install libegl1 or libosmesa6, or set MUJOCO_GL to egl or osmesa before Python starts."
            ) from error
        mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._context)

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

    def _dress(self, textures: Mapping[int, NDArray[np.uint8]] | None) -> None:
        """Show these textures, by number in the model, and the model's own elsewhere."""
        if textures is self._shown:
            return
        self._gl.make_current()
        for number in {**(self._shown or {}), **(textures or {})}:
            address = int(self._model.tex_adr[number])
            height, width = int(self._model.tex_height[number]), int(self._model.tex_width[number])
            where = slice(address, address + height * width * int(self._model.tex_nchannel[number]))
            own = self._own_texels[where]
            self._model.tex_data[where] = (
                own if number not in (textures or {}) else (textures or {})[number].reshape(-1)
            )
            mujoco.mjr_uploadTexture(self._model, self._context, number)
        self._shown = textures

    def picture(
        self, state: NDArray[np.float64], textures: Mapping[int, NDArray[np.uint8]] | None = None
    ) -> NDArray[np.uint8]:
        """Draw one ``mjSTATE_INTEGRATION`` state, uint8 (H, W, 3).

        Args:
            state: What to draw.
            textures: Textures to show instead of the model's, by number, each uint8 (height, width, channels); the
                same mapping again costs nothing.
        """
        self._dress(textures)
        mujoco.mj_setState(self._model, self._data, state, STATE)
        mujoco.mj_forward(self._model, self._data)
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self._model, self._data, self._option, None, self._view, everything, self._scene)
        self._gl.make_current()
        mujoco.mjr_render(self._rect, self._scene, self._context)
        pixels = np.empty((self._rect.height, self._rect.width, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(pixels, None, self._rect, self._context)
        return np.ascontiguousarray(pixels[::-1])  # OpenGL's rows begin at the bottom

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._gl is not None:
            self._gl.make_current()
            if getattr(self, "_context", None) is not None:
                self._context.free()
            self._gl.free()
            self._gl = None
