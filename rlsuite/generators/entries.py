"""Registers the generators."""

from __future__ import annotations

from rlsuite.registry import Registry

EXTRA = "generators"
LATENT = ("samples", "decodes", "ranks")

_GENERATORS = {
    "dcgan": ("gan.dcgan:Dcgan", "gan.config:DcganConfig", "DCGAN (Radford et al. 2016).", LATENT),
    "began": ("gan.began:Began", "gan.config:BeganConfig", "BEGAN (Berthelot et al. 2017).", LATENT),
}


def register(generators: Registry) -> None:
    """Add every generator that ships."""
    for id, (load, config, description, capabilities) in _GENERATORS.items():
        generators.add(
            id,
            description,
            load=f"rlsuite.generators.{load}",
            config=f"rlsuite.generators.{config}",
            extra=EXTRA,
            tags={"capabilities": list(capabilities)},
        )
