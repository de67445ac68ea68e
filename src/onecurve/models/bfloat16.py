"""Training in bfloat16: the block in which it is done, and where it is faster than in float32."""

from contextlib import AbstractContextManager

import torch


def in_bfloat16(device: str, *, enabled: bool) -> AbstractContextManager[object]:
    """The block in which convolutions and matrix products of a forward pass are done in bfloat16; weights and updates stay float32."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=enabled)


def is_fast_in_bfloat16(device: str) -> bool:
    """Whether the device multiplies matrices of bfloat16: GPUs of recent years, processors with AMX. Others only imitate it, slowly."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch says it of processors only under this name.
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return kind == "cpu" and tiles is not None and bool(tiles())
