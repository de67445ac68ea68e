"""The power of an audit, measured on copies of the very network: spiked with flaws of known kind and strength, and sham ones."""
