"""Weights rounded to 8 bits: as near as 255 steps allow, each channel by itself."""

import numpy as np

from core.serve.export.eight_bit import STEPS, rounded


def test_each_channel_has_its_own_steps_and_no_weight_is_far_off() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 20)).astype(np.float32)
    weights *= np.array([1e-3, 1, 50, 0], np.float32)[:, None, None, None]
    steps, scales = rounded(weights)
    assert steps.dtype == np.int8
    assert steps.shape == weights.shape
    off = np.abs(steps * scales[:, None, None, None] - weights).reshape(4, -1)
    largest = np.abs(weights).reshape(4, -1).max(axis=1)
    plain = np.abs(np.round(weights.reshape(4, -1) / np.maximum(largest, 1e-12)[:, None] * STEPS) / STEPS)
    assert (np.median(off, axis=1) <= largest / STEPS / 2).all()
    plain_off = np.square(plain * largest[:, None] - np.abs(weights.reshape(4, -1))).sum(axis=1)
    assert (np.square(off).sum(axis=1) <= plain_off * (1 + 1e-5) + 1e-12).all(), "cutting never makes it worse"
