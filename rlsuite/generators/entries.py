"""Registers the generators."""

from __future__ import annotations

from rlsuite.registry import Registry

EXTRA = "generators"
LATENT = ("samples", "decodes", "edits", "ranks")

_GENERATORS = {
    "dcgan": ("gan.dcgan:Dcgan", "gan.config:DcganConfig", "DCGAN (Radford et al. 2016).", LATENT),
    "sprite_gpt": (
        "tokens.sprite_gpt:SpriteGpt",
        "tokens.config:SpriteGptConfig",
        "Sprites as text, GPT-2 (pokemon-gpt-2).",
        ("samples", "completes", "ranks"),
    ),
    "dalle": (
        "tokens.dalle:Dalle",
        "tokens.config:DalleConfig",
        "Text to image in two stages (Ramesh et al. 2021).",
        ("samples", "completes", "encodes", "ranks"),
    ),
    "image_gpt": (
        "tokens.image_gpt:ImageGpt",
        "tokens.config:ImageGptConfig",
        "Image GPT (Chen et al. 2020).",
        ("samples", "completes", "encodes", "ranks"),
    ),
    "contrast": (
        "contrast.scorer:Contrast",
        "contrast.config:ContrastConfig",
        "Pictures and sentences in one space, trained as CLIP was (Radford et al. 2021).",
        ("encodes", "ranks"),
    ),
    "began": ("gan.began:Began", "gan.config:BeganConfig", "BEGAN (Berthelot et al. 2017).", LATENT),
    "gan_cls": (
        "gan.text:GanCls",
        "gan.config:GanClsConfig",
        "Text to image, GAN-CLS and GAN-INT (Reed et al. 2016).",
        ("samples", "ranks"),
    ),
    "videogan": (
        "video.videogan:VideoGan",
        "video.config:VideoGanConfig",
        "Films: a masked foreground over a still background (Vondrick et al. 2016).",
        ("samples", "decodes", "ranks"),
    ),
    "videogan_future": (
        "video.future:VideoFuture",
        "video.config:VideoFutureConfig",
        "Films that go on from a picture (Vondrick et al. 2016).",
        ("samples", "ranks"),
    ),
    "cyclegan": (
        "translate.cyclegan:CycleGan",
        "translate.config:CycleGanConfig",
        "CycleGAN: two domains without pairs (Zhu et al. 2017).",
        ("transforms",),
    ),
    "pix2pix": (
        "translate.pix2pix:Pix2Pix",
        "translate.config:Pix2PixConfig",
        "pix2pix: edges (or partners) to pictures (Isola et al. 2017).",
        ("transforms",),
    ),
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
