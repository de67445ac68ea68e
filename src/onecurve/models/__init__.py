"""Networks: building, training, metering, hooks, storage. Below the tools, only this package imports torch."""
