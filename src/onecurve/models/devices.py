"""Which devices there are."""


def has_device(name: str) -> bool:
    """Whether this process can use the device; loads torch only for other than `cpu`."""
    if name == "cpu":
        return True
    import torch  # noqa: PLC0415 - only where a device is asked for

    try:
        # Read back, because a device for shapes alone makes tensors without numbers.
        torch.zeros(1, device=name).cpu()
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
    return True
