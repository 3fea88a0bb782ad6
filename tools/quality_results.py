"""What the test says about a model's quality: numbers, table and text; used by `calibrate_quality.py`."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from quality_fit import ACCEPTABLE_IOU
from quality_inputs import LARGE_METAL, SEED
from scipy.stats import rankdata, spearmanr

from pbrs.atomic_write import atomic_path
from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.segmentation.quality import predict_interval
from pbrs.segmentation.quality_warnings import RULES
from pbrs.table import write_csv

if TYPE_CHECKING:
    from calibrate_quality import Row

WARNINGS = tuple(dict.fromkeys(rule.warning for rule in RULES))


def measure_quality(rows: Sequence["Row"], calibration: QualityCalibration) -> dict[str, Any]:
    """Measure everything that the card and the table say, on the test's rows alone."""
    test = [row for row in rows if row.part == "test" and not row.kind.startswith("real-")]
    shifted = [row for row in test if row.kind == "shifted-200"]
    clean = [row for row in test if row.tier == "pelvis" and not row.damage]
    found = [row for row in test if row.tier == "pelvis" and row.iou > ACCEPTABLE_IOU]
    tiers = {tier: [row for row in test if row.tier == tier] for tier in "abc"}
    inside = [_is_inside(row, calibration) for row in shifted]
    return {
        "aurc": {
            f"{name}, {which}": _aurc(those, key)
            for which, those in (
                ("undamaged", [row for row in shifted if not row.damage]),
                ("undamaged and damaged", shifted),
            )
            for name, key in (
                ("predicted IoU", lambda row: row.predicted_iou),
                ("soft IoU of the output", lambda row: row.features["region_expected"]),
                ("best possible", lambda row: row.iou),
            )
        },
        "coverage of the 90 % interval": {
            "undamaged": float(np.mean([i for i, row in zip(inside, shifted, strict=True) if not row.damage])),
            "undamaged and damaged": float(np.mean(inside)),
        },
        "spearman": {
            "shifted-200, undamaged and damaged": _spearman(shifted),
            "shifted-200, undamaged": _spearman([row for row in shifted if not row.damage]),
        },
        "mean_error_of_iou": float(np.mean([abs(row.predicted_iou - row.iou) for row in shifted])),
        "auroc": {
            tier: {
                "against undamaged pelves": _auroc(tiers[tier], clean),
                **({"its 95 % interval": _interval(tiers[tier], clean)} if tier in "ab" else {}),
                "against damaged ones too": _auroc(tiers[tier], [*clean, *[r for r in shifted if r.damage]]),
            }
            for tier in "abc"
        },
        "refused": {
            **{f"tier {tier}": _rate(tiers[tier], lambda row: row.refused) for tier in "abc"},
            "undamaged pelves": _rate(clean, lambda row: row.refused),
            f"pelves of IoU > {ACCEPTABLE_IOU}, damaged or not": _rate(found, lambda row: row.refused),
        },
        "false_alarms": {name: _false_alarms(clean, name) for name in WARNINGS},
        "count": {
            "calibration": len(rows) - len(test),
            **{f"tier {tier}": len(tiers[tier]) for tier in "abc"},
            **{f"sources of tier {tier}": len({row.source for row in tiers[tier]}) for tier in "abc"},
            "undamaged pelves": len(clean),
            "damaged pelves": sum(bool(row.damage) for row in shifted),
        },
    }


def write_results(
    folder: Path, rows: Sequence["Row"], calibration: QualityCalibration, measured: dict[str, Any], model: str
) -> None:
    """Write ``quality.csv``, a line for each input of the test, and ``quality.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    test = [row for row in rows if row.part == "test" and not row.kind.startswith("real-")]
    columns = ("kind", "tier", "source", "damage", "iou", "predicted_iou", "implausibility", "refused", "warnings")
    write_csv(folder / "quality.csv", columns, (_line(row) for row in test))
    text = "\n".join(_text(test, calibration, measured, model)) + "\n"
    with atomic_path(folder / "quality.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


def _line(row: "Row") -> dict[str, object]:
    return {
        "kind": row.kind,
        "tier": row.tier,
        "source": row.source,
        "damage": row.damage,
        "iou": "" if np.isnan(row.iou) else round(row.iou, 4),
        "predicted_iou": round(row.predicted_iou, 4),
        "implausibility": round(row.implausibility, 4),
        "refused": int(row.refused),
        "warnings": " ".join(row.warnings),
    }


def _text(test: list["Row"], calibration: QualityCalibration, measured: dict[str, Any], model: str) -> list[str]:
    lines = [
        f"# How well {model} judges itself (synthetic radiographs)",
        "",
        f"Made by `python tools/calibrate_quality.py {model}.onnx` at commit {_commit()}, inputs drawn with seed",
        f"{SEED}; a line for each input is in `quality.csv`. No source of the test was used to calibrate. All",
        "radiographs of the pelvis are synthetic.",
        "",
        "| | |",
        "| --- | --- |",
        *(
            f"| Spearman of predicted and true IoU, {key} | {value:.3f} |"
            for key, value in measured["spearman"].items()
        ),
        f"| mean error of predicted IoU, undamaged and damaged | {measured['mean_error_of_iou']:.3f} |",
        *(
            f"| AURC (mean risk over coverage, less is better), {key} | {value:.4f} |"
            for key, value in measured["aurc"].items()
        ),
        *(
            f"| coverage of the 90 % interval, shifted-200, {key} | {value:.1%} |"
            for key, value in measured["coverage of the 90 % interval"].items()
        ),
        "",
        "| tier | inputs | sources | AUROC, undamaged pelves | AUROC, damaged ones too | refused |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    about = {"a": "blank, noise, text, photographs, CT, MR", "b": "other anatomy", "c": "wrong views of a pelvis"}
    for tier, what in about.items():
        count, sources = measured["count"][f"tier {tier}"], measured["count"][f"sources of tier {tier}"]
        plain, *interval, damaged = measured["auroc"][tier].values()
        within = "".join(f" [{low:.4f}, {high:.4f}]" for low, high in interval)
        values = f"{plain:.4f}{within} | {damaged:.4f} | {measured['refused'][f'tier {tier}']:.1%}"
        lines.append(f"| ({tier}) {what} | {count} | {sources} | {values} |")
    refused = measured["refused"]
    lines += [
        "",
        "Inputs of one source are variations of it: turned, cropped, of other contrast. Intervals are those of 95 %,",
        "by a bootstrap over sources.",
        "",
        f"Pelves refused: {refused['undamaged pelves']:.1%} of {measured['count']['undamaged pelves']} undamaged ones; "
        f"{refused[f'pelves of IoU > {ACCEPTABLE_IOU}, damaged or not']:.1%} of all with IoU > {ACCEPTABLE_IOU}. "
        f"Refused is what scores more than {calibration.refusal:.2f}, or has a predicted IoU below "
        f"{calibration.least_iou:.2f}.",
        "",
        "| kind | tier | inputs | refused | view warned of | any warning or refusal | mean predicted IoU | mean IoU |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in sorted({(row.tier, row.kind) for row in test}):
        those = [row for row in test if (row.tier, row.kind) == kind]
        iou = "" if kind[0] in "ab" or np.isnan(those[0].iou) else f"{np.nanmean([row.iou for row in those]):.3f}"
        lines.append(
            f"| {kind[1]} | {kind[0]} | {len(those)} | {_rate(those, lambda row: row.refused):.1%} "
            f"| {_rate(those, lambda row: 'unusual_view' in row.warnings):.1%} "
            f"| {_rate(those, lambda row: row.refused or bool(row.warnings)):.1%} "
            f"| {np.mean([row.predicted_iou for row in those]):.3f} | {iou} |"
        )
    spoilt = [row for row in test if row.tier == "pelvis" and row.damage and row.iou > ACCEPTABLE_IOU]
    lines += [
        "",
        f"| warning | false alarms on undamaged pelves | on damaged, IoU > {ACCEPTABLE_IOU} | where it should be |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{name}` | {measured['false_alarms'][name]:.1%} "
            f"| {'' if name == 'views_disagree' else f'{_false_alarms(spoilt, name):.1%}'} | {_hits(test, name)} |"
            for name in WARNINGS
        ),
        "",
        "| rule of | raised if |",
        "| --- | --- |",
    ]
    for rule in RULES:
        if (limit := calibration.limits.get(rule.measure)) is not None:
            lines.append(f"| `{rule.warning}` | `{rule.measure}` {'>' if rule.above else '<'} {limit:.3g} |")
    damages = sorted({row.damage for row in test if row.damage and "+" not in row.damage})
    lines += [
        "",
        "| damage of shifted-200 | inputs | mean IoU | mean predicted IoU | refused | any warning |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for damage in ["", *damages]:
        those = [row for row in test if row.kind == "shifted-200" and row.damage == damage]
        lines.append(
            f"| {damage or 'none'} | {len(those)} | {np.mean([row.iou for row in those]):.3f} "
            f"| {np.mean([row.predicted_iou for row in those]):.3f} | {_rate(those, lambda row: row.refused):.1%} "
            f"| {_rate(those, lambda row: bool(row.warnings)):.1%} |"
        )
    return lines


def _hits(test: list["Row"], name: str) -> str:
    """Tell how often a warning is raised where it should be, and where that is."""
    meant: dict[str, tuple[str, Callable[[Row], bool]]] = {
        "metal": ("large metal there", lambda row: not row.damage and bool(set(row.factors) & set(LARGE_METAL))),
        "low_contrast": ("damage flat", lambda row: row.damage == "flat"),
        "cut_by_border": ("damage crop", lambda row: row.damage == "crop"),
        "low_predicted_iou": ("IoU < 0.7", lambda row: row.tier == "pelvis" and row.iou < 0.7),
        "unusual_view": ("tier (c)", lambda row: row.tier == "c"),
        "holes_or_fragments": ("IoU < 0.7", lambda row: row.tier == "pelvis" and row.iou < 0.7),
        "asymmetric": ("oblique and lateral", lambda row: row.kind in ("oblique", "lateral")),
    }
    if name not in meant:
        return ""
    where, is_meant = meant[name]
    those = [row for row in test if row.tier in ("pelvis", "c") and is_meant(row)]
    return f"{_rate(those, lambda row: name in row.warnings):.0%} of {len(those)}: {where}"


def _false_alarms(clean: Sequence["Row"], name: str) -> float:
    """Share of undamaged pelves with a warning; of metal, among those that have none; of views, where looked at."""
    those = [row for row in clean if name != "metal" or not row.factors]
    if name == "views_disagree":
        those = [row for row in those if "views" in row.measures]
    return _rate(those, lambda row: name in row.warnings)


def _rate(rows: Sequence["Row"], has: Callable[["Row"], bool]) -> float:
    return float(np.mean([has(row) for row in rows])) if rows else float("nan")


def _is_inside(row: "Row", calibration: QualityCalibration) -> bool:
    limits = predict_interval(row.predicted_iou, calibration)
    return limits is not None and limits[0] <= row.iou <= limits[1]


def _aurc(rows: Sequence["Row"], confidence: Callable[["Row"], float]) -> float:
    """Area under the risk-coverage curve: mean over n of the mean of 1 − IoU of the n surest (Geifman et al. 2019)."""
    risk = 1 - np.array([row.iou for row in sorted(rows, key=confidence, reverse=True)])
    return float((np.cumsum(risk) / np.arange(1, len(risk) + 1)).mean())


def _spearman(rows: Sequence["Row"]) -> float:
    return float(spearmanr([row.iou for row in rows], [row.predicted_iou for row in rows]).statistic)


def _auroc(others: Sequence["Row"], pelves: Sequence["Row"]) -> float:
    """Chance that one of the others scores more implausible than a pelvis, ties counted half."""
    ranks = rankdata([row.implausibility for row in (*others, *pelves)])
    count = len(others)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(pelves)))


def _interval(others: Sequence["Row"], pelves: Sequence["Row"]) -> tuple[float, float]:
    """Give the 95 % interval of the AUROC, percentiles of a bootstrap over the sources of both."""
    rng = np.random.default_rng(0)
    groups = [_by_source(rows) for rows in (others, pelves)]
    drawn = [
        _auroc(*([row for i in rng.integers(len(group), size=len(group)) for row in group[i]] for group in groups))
        for _ in range(1000)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _by_source(rows: Sequence["Row"]) -> list[list["Row"]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.source, []).append(row)
    return list(found.values())


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()
