"""The networks: six backbones of one table, one U-Net decoder."""

from pbrs.network.backbones import BACKBONES, Backbone, find_backbone
from pbrs.network.unet import UNet, build_unet, count_parameters

__all__ = ["BACKBONES", "Backbone", "UNet", "build_unet", "count_parameters", "find_backbone"]
