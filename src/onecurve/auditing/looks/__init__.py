"""The looks of an audit, one per file. Each searches on some images and tests what it found on others."""
