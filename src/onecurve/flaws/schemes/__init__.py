"""How a sampled flaw is put into images: plans, the context they are sampled in, and the schemes of poisoning."""
