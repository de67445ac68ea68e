"""Networks: building, training, metering, hooks, storage. The only room below the tools that knows torch."""
