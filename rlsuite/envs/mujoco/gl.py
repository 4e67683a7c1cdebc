"""Choosing the off-screen OpenGL back end, once, before mujoco is first imported.

mujoco reads ``MUJOCO_GL`` when it is imported, and PyOpenGL binds to one platform per process, so the
choice cannot be made at the first picture. Everything in rlsuite that imports mujoco calls
`prepare_gl` first.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import importlib
import os
import platform
from functools import lru_cache
from typing import Literal

Backend = Literal["egl", "osmesa", "cgl", "wgl", "none"]

_EGL_DEFAULT_DISPLAY = ctypes.c_void_p(0)


def prepare_gl() -> str:
    """Set ``MUJOCO_GL`` if it is unset: EGL where it starts, OSMesa where that library is, else unset.

    A value the user has set is left alone.

    Returns:
        The value in force, "" if none.
    """
    _load_triton_first()
    if "MUJOCO_GL" not in os.environ and platform.system() == "Linux":
        backend = find_backend()
        if backend != "none":
            os.environ["MUJOCO_GL"] = backend
    return os.environ.get("MUJOCO_GL", "")


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


def _load_triton_first() -> None:
    """Import triton, if it is there, before Mesa loads its LLVM.

    Both bring an LLVM; when Mesa's comes first, torch's later import of triton (its first optimiser)
    ends the process with a segmentation fault.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("triton")


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
