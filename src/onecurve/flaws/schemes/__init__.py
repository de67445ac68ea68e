"""How a sampled flaw gets into images: plans, the context in which they are sampled, and poisoning schemes."""
