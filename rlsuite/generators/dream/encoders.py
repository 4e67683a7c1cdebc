"""What an agent's encoder looks for: its convolutions as layers to dream on."""

from __future__ import annotations

from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.dream.deepdream import Layer

GREY = (0.299, 0.587, 0.114)


def encoder_layer(network: nn.Module, number: int | None = None) -> Layer:
    """A convolution of an encoder with its activation, on pictures of any size.

    An agent sees several frames one behind the other, in colour or in grey; here all of them show the same picture.

    Args:
        network: Holds its convolutions in a sequence, and takes images in [0, 1].
        number: Which convolution, from 0 next to the image; None: the last.

    Raises:
        UserError: It has no convolutions, or not so many.
    """
    stack = next((m for m in network.modules() if isinstance(m, nn.Sequential) and _convolutions(m)), None)
    if stack is None:
        raise UserError(f"{type(network).__name__} has no convolutions: dreams want an agent that sees pictures")
    places = _convolutions(stack)
    number = len(places) - 1 if number is None else number
    if not 0 <= number < len(places):
        raise UserError(f"layer {number}: this encoder has the convolutions 0 to {len(places) - 1}")
    end = places[number + 1] if number + 1 < len(places) else places[number] + 2  # with its activation
    part = stack[:end].eval().requires_grad_(False)
    first = stack[places[0]]
    assert isinstance(first, nn.Conv2d)
    return lambda images: part(as_frames(images, first.in_channels))


def _convolutions(stack: nn.Sequential) -> list[int]:
    return [place for place, module in enumerate(stack) if isinstance(module, nn.Conv2d)]


def as_frames(images: Tensor, channels: int) -> Tensor:
    """Pictures as a stack of frames: in colour if the channels are a multiple of three, else in grey.

    Args:
        images: N x 1 or 3 x H x W in [0, 1].
        channels: Of the stack.

    Returns:
        N x channels x H x W in [0, 1].
    """
    if channels % 3 == 0:
        return images.expand(-1, 3, -1, -1).repeat(1, channels // 3, 1, 1)
    if images.shape[1] == 3:
        images = (images * images.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True)
    return images.expand(-1, channels, -1, -1)
