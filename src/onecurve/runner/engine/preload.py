"""Imported once by the process that workers are forked from: the heavy imports that every worker needs."""

import scipy.stats
import sklearn.linear_model
import torch
import torch._dynamo  # what an optimiser imports when it is first made

__all__ = ["scipy", "sklearn", "torch"]
