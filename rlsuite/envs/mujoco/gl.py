"""Off-screen OpenGL, chosen when the first picture is drawn.

Training needs no OpenGL, and loading a driver costs time and memory (Mesa brings an LLVM of its own), so
nothing of it is touched before a picture is wanted. A ``MUJOCO_GL`` that the user has set decides, as
it does for mujoco itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import importlib
import os
import platform
from functools import lru_cache
from typing import Any, Literal

from rlsuite.errors import UserError

Backend = Literal["egl", "osmesa", "cgl", "wgl", "none"]

CONTEXTS = {"egl": "mujoco.egl", "osmesa": "mujoco.osmesa", "cgl": "mujoco.cgl", "glfw": "mujoco.glfw"}
"""Back end to the module of mujoco that holds its ``GLContext``."""

_EGL_DEFAULT_DISPLAY = ctypes.c_void_p(0)


def import_mujoco() -> Any:
    """Import mujoco; if ``MUJOCO_GL`` makes it load a driver at once, then in an order that does not crash.

    Raises:
        UserError: The back end that ``MUJOCO_GL`` names does not start here.
    """
    wanted = os.environ.get("MUJOCO_GL", "")
    if wanted.lower() not in ("egl", "osmesa"):
        return importlib.import_module("mujoco")
    _load_triton_first()
    try:
        return importlib.import_module("mujoco")
    except (AttributeError, ImportError, RuntimeError) as error:
        raise UserError(
            f"MUJOCO_GL={wanted} does not start on this machine ({error}). Unset it, and rlsuite picks what works, "
            f"or install lib{wanted.lower()}."
        ) from error


def prepare_gl() -> str:
    """Set ``MUJOCO_GL`` if it is unset: EGL where it starts, OSMesa where that library is, else left alone.

    For whoever draws with mujoco or Gymnasium directly; call it before the first picture.

    Returns:
        The value in force, "" if none.
    """
    _load_triton_first()
    if not os.environ.get("MUJOCO_GL"):
        backend = find_backend()
        if backend != "none":
            os.environ["MUJOCO_GL"] = backend
    return os.environ.get("MUJOCO_GL", "")


def context_class() -> Any:
    """The ``GLContext`` class of the back end in force.

    Raises:
        ImportError: The back end's libraries are missing.
    """
    name = prepare_gl().lower()
    if platform.system() == "Linux" and name not in CONTEXTS:
        name = "glfw"
    return importlib.import_module(CONTEXTS[name]).GLContext if name in CONTEXTS else import_mujoco().GLContext


def _load_triton_first() -> None:
    """Import triton, if it is there, before any EGL or OSMesa driver is loaded.

    Mesa's software driver brings an LLVM of its own; triton's, which torch's optimisers import by way of
    torch._dynamo, crashes the process when it is loaded after it. The other order is fine.
    """
    if platform.system() == "Linux":
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")


@lru_cache(maxsize=1)
def find_backend() -> Backend:
    """The best headless back end of this machine: ``"egl"``, ``"osmesa"``, the system's own, or ``"none"``."""
    system = platform.system()
    if system != "Linux":
        return "cgl" if system == "Darwin" else "wgl"
    if egl_starts():
        return "egl"
    return "osmesa" if ctypes.util.find_library("OSMesa") else "none"


def egl_starts() -> bool:
    """Whether an EGL display can be initialised (a library alone proves nothing: drivers may be missing)."""
    name = ctypes.util.find_library("EGL")
    if name is None:
        return False
    _load_triton_first()
    try:
        egl = ctypes.CDLL(name)
        return any(_initialises(egl, display) for display in _displays(egl))
    except (OSError, AttributeError):
        return False


def _displays(egl: ctypes.CDLL) -> list[ctypes.c_void_p]:
    """The displays mujoco would try: one per device, or the default one."""
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    get_display = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query or not get_display:
        egl.eglGetDisplay.restype = ctypes.c_void_p
        return [ctypes.c_void_p(egl.eglGetDisplay(_EGL_DEFAULT_DISPLAY))]
    devices = (ctypes.c_void_p * 16)()
    count = ctypes.c_int(0)
    ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(query)(
        16, devices, ctypes.byref(count)
    )
    platform_device = 0x313F  # EGL_PLATFORM_DEVICE_EXT, EGL_EXT_platform_device
    open_display = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(get_display)
    return [ctypes.c_void_p(open_display(platform_device, devices[i], None)) for i in range(count.value)]


def _initialises(egl: ctypes.CDLL, display: ctypes.c_void_p) -> bool:
    """Whether a display starts; it is left running, as mujoco initialises the same one again."""
    return bool(display.value) and bool(egl.eglInitialize(display, None, None))
