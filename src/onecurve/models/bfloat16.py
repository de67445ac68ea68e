"""Where training in bfloat16 is faster than in float32."""

import torch


def is_fast_in_bfloat16(device: str) -> bool:
    """Whether the device multiplies matrices of bfloat16: GPUs of recent years, processors with AMX. Others only imitate it, slowly."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch says it of processors only under this name.
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return kind == "cpu" and tiles is not None and bool(tiles())
