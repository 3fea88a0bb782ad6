"""What a model's card says about judging its segmentations: plain numbers, fitted by ``tools/calibrate_quality.py``."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class QualityCalibration(BaseModel):
    """The numbers by which `pbrs.segmentation.quality.assess` judges a model's output.

    `features` names F features of `pbrs.segmentation.quality_features`. Of each, x is first brought into [`low`,
    `high`], which it had on radiographs. Predicted IoU: `intercept` + Σ `linear` z + `square` z², z = (x − `centre`) /
    `scale`. Implausibility: Σ `weight` u, where u, from 0 to 1, tells by how many of its widths x lies outside
    [`usual_low`, `usual_high`], at most one; plus `doubt` (1 − predicted IoU). Refused is what has more than `refusal`,
    or a predicted IoU below `least_iou`. The predicted IoU is that sum read off the line through the points (`sum_at`,
    `iou_at`), which only rises. `interval` are rows of three numbers: for a predicted IoU up to the first, the true one
    is larger by the second to the third, nine times in ten (split conformal prediction, Mondrian by predicted IoU).
    Oddness of a view: w₀ + Σ w z, by name in `other_views`, z here cut off at ±4; the largest names the view.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    linear: tuple[float, ...]
    square: tuple[float, ...]
    intercept: float
    usual_low: tuple[float, ...]
    usual_high: tuple[float, ...]
    weight: tuple[float, ...]
    doubt: float = 0.0
    refusal: float
    least_iou: float = 0.0
    sum_at: tuple[float, ...] = (0.0, 1.0)
    iou_at: tuple[float, ...] = (0.0, 1.0)
    interval: tuple[tuple[float, float, float], ...] = ()
    other_views: dict[str, tuple[float, ...]] = Field({}, description="1 + F numbers for each view but the frontal one")
    limits: dict[str, float] = Field(description="of the warnings' rules, by the name of what is measured")
    measured: dict[str, Any] = Field({}, description="how well it works on inputs that it was not fitted to")

    @model_validator(mode="after")
    def _one_number_a_feature(self) -> "QualityCalibration":
        for name in ("low", "high", "centre", "scale", "linear", "square", "usual_low", "usual_high", "weight"):
            if len(getattr(self, name)) != len(self.features):
                raise ValueError(f"{name} has not one number for each of {len(self.features)} features")
        if any(len(weights) != 1 + len(self.features) for weights in self.other_views.values()):
            raise ValueError("other views have not one number more than there are features")
        if any(high <= low for low, high in zip(self.usual_low, self.usual_high, strict=True)) or 0 in self.scale:
            raise ValueError("a feature has no width")
        if len(self.sum_at) != len(self.iou_at) or len(self.sum_at) < 2:
            raise ValueError("sum_at and iou_at are not as many numbers each, two at least")
        if any(b <= a for a, b in zip(self.sum_at, self.sum_at[1:], strict=False)):
            raise ValueError("sum_at does not rise")
        return self
