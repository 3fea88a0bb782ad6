"""Scores of predicted masks, their comparison between backbones, and the report of a study."""
