"""The moving average of the weights."""

import torch
from torch.optim.swa_utils import AveragedModel

from pbrs.training.weight_average import WeightAverage


def test_a_young_average_has_left_the_first_weights_behind_and_an_old_one_is_slow():
    average = WeightAverage(0.999)._kwargs["avg_fn"]
    network = torch.nn.BatchNorm1d(1)
    averaged = AveragedModel(network, avg_fn=average, use_buffers=True)
    averaged.update_parameters(network)
    network.weight.data.fill_(5.0)
    network.num_batches_tracked.fill_(7)
    for _ in range(60):
        averaged.update_parameters(network)
    # With the full decay it would still be within 0.25 of 1.
    assert averaged.module.weight.item() > 4.9
    assert averaged.module.num_batches_tracked.item() == 7
    assert average(torch.zeros(1), torch.ones(1), 10**6).item() < 0.0011
