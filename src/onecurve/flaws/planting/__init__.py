"""From sampled flaws to admitted cases: training, measuring, the gate, storage, sealing."""
