"""From a sampled flaw to an admitted case: training, measuring, the gate, storage, sealing."""
