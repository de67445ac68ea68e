"""The zoo: planted networks that come with OneCurve, so that a first run need not train them. Only the weights are stored."""
